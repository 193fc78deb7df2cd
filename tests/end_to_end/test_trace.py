"""One job is one trace, from the upload through every stage, told to a real collector over OTLP."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from services.local import LocalSystem
from shared.imaging.phantoms import abdomen
from tests.support.scans import small_grid, write_nifti
from viscera_client import Client


class Collector:
    """Takes spans as an OTLP collector does and keeps them."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, object]] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    about = {item.key: item.value.string_value for item in resource.resource.attributes}
                    found = [span for scope in resource.scope_spans for span in scope.spans]
                    collector.spans += [(about["service.name"], span) for span in found]
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def collector():
    made = Collector()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_all_spans_of_a_job_hang_together(collector, tmp_path, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.server.server_port}")
    scan = write_nifti(tmp_path / "secretname.nii.gz", abdomen(small_grid()).volume)
    with LocalSystem(tmp_path / "data") as system, Client(system.url, system.key) as client:
        system.wait_ready()
        job = client.wait(client.submit(scan, quality="light").id)
        for _ in range(100):
            if any(service == "viscera-mesher" and span.name == "mesher" for service, span in collector.spans):
                break
            threading.Event().wait(0.2)
    mine = [(service, span) for service, span in collector.spans]
    assert len({span.trace_id for _, span in mine}) == 1
    by_id = {span.span_id: span for _, span in mine}
    (root,) = [span for _, span in mine if not span.parent_span_id]
    assert root.name == "accept job"
    above = {span.name: by_id[span.parent_span_id].name for _, span in mine if span.parent_span_id}
    stages = ("classifier", "segmenter", "mesher")
    assert all(above[stage] == "accept job" for stage in stages)
    for stage in stages:
        inner = {span.name for service, span in mine if service == f"viscera-{stage}"}
        assert {stage, "work", "store", "publish"} <= inner
    assert "fetch scan" in above
    assert "secretname" not in str(mine)
    lines = (tmp_path / "data" / "log" / "mesher.log").read_text().splitlines()
    logged = [json.loads(line) for line in lines if line.startswith("{")]
    told = [line for line in logged if line.get("job") == job.id]
    assert told
    assert {line["trace"] for line in told} == {root.trace_id.hex()}
    assert {(line["stage"], line["tenant"], line["attempt"]) for line in told} == {("mesher", "default", 1)}
    accepted = [json.loads(line) for line in (tmp_path / "data" / "log" / "gateway.log").read_text().splitlines()]
    (told,) = [line for line in accepted if line["message"] == "job accepted"]
    assert (told["job"], told["tenant"], told["trace"]) == (job.id, "default", root.trace_id.hex())
