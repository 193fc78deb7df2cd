"""A real Prometheus with the files of deploy/ sees every process, and everything that dashboard and alerts ask for."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from services.local import free_port
from shared.imaging.phantoms import abdomen
from shared.ledger.jobs import STAGES
from tests.deploy.test_files import DEPLOY
from tests.support.scans import small_grid, write_nifti
from tests.support.waiting import until
from viscera_client import Client

QUIET = {
    "viscera_store_seconds_count", "viscera_events", "viscera_requests_total", "viscera_dimse_instances_total",
    "viscera_model_volume_drift", "viscera_model_out_of_domain_drift",
}  # fmt: skip
"""What has a series only for what has happened, and what is asked for has not: an error, fifty results of a model."""


@contextmanager
def prometheus(folder: Path, configuration: dict) -> Iterator[str]:
    """Debian's Prometheus on a free port; its address."""
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))
    shutil.copy(DEPLOY / "prometheus" / "alerts.yml", folder)
    port = free_port()
    command = ["prometheus", f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"]
    process = subprocess.Popen(
        [*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def configuration(topology, folder: Path) -> dict:
    """deploy/prometheus/prometheus.yml with this machine's addresses."""
    found = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    gateway, workers = found["scrape_configs"]
    (folder / "key").write_text(topology.metrics_key)
    gateway["authorization"]["credentials_file"] = str(folder / "key")
    gateway["static_configs"] = [{"targets": [topology.url.removeprefix("http://")]}]
    (named,) = workers.pop("dns_sd_configs")
    workers["static_configs"] = [{"targets": [f"127.0.0.1:{topology.ports[name]}" for name in named["names"]]}]
    return found | {"global": {"scrape_interval": "1s"}}


def scrape(port: int) -> dict[tuple, float]:
    text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text
    families = text_string_to_metric_families(text)
    return {(s.name, *sorted(s.labels.values())): s.value for family in families for s in family.samples}


def expressions() -> list[str]:
    dashboard = json.loads((DEPLOY / "grafana" / "viscera.json").read_text())
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())["groups"][0]["rules"]
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    return asked + [rule["expr"] for rule in rules]


@pytest.mark.timeout(400)
@pytest.mark.skipif(shutil.which("prometheus") is None, reason="Prometheus (Debian's) is not installed here")
def test_prometheus_sees_all_that_dashboard_and_alerts_ask_for(topology, tmp_path):
    scan = write_nifti(tmp_path / "scan.nii.gz", abdomen(small_grid()).volume)
    watching = tmp_path / "prometheus"
    watching.mkdir()
    with (
        prometheus(watching, configuration(topology, watching)) as url,
        Client(topology.url, topology.key) as client,
        httpx.Client(base_url=url, timeout=10) as asked,
    ):

        def ask(query: str) -> list[dict]:
            answer = asked.get("/api/v1/query", params={"query": query})
            assert answer.status_code == 200, query
            return answer.json()["data"]["result"]

        until(lambda: _answers(asked))
        ended = [client.wait(client.submit(scan, quality="light").id) for _ in range(2)]
        assert {job.state for job in ended} == {"succeeded"}
        until(lambda: len(ask("up == 1")) == 6)
        until(lambda: len(ask('viscera_stage_seconds_count{outcome="done"} == 2')) == len(STAGES))
        for expression in expressions():
            ask(expression)
            for name in set(re.findall(r"\bviscera_[a-z_]+", expression)) - QUIET:
                assert ask(name), name
        assert ask('sum by (stage) (viscera_lease_renewals_total{outcome="renewed"} > 0)')
        assert ask("sum(viscera_store_bytes_total) > 10000")
        assert ask('viscera_reconciler_rounds_total{outcome="done"} > 0')
        firing = asked.get("/api/v1/alerts").json()["data"]["alerts"]
        assert [alert["labels"]["alertname"] for alert in firing if alert["state"] == "firing"] == []
        series = asked.get("/api/v1/series", params={"match[]": '{__name__=~"viscera.*"}'}).text
        assert not any(job.id in series for job in ended)


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/-/ready").status_code == 200
    except httpx.HTTPError:
        return False


@pytest.mark.timeout(400)
def test_a_killed_child_takes_no_count_with_it(topology, tmp_path):
    scan = write_nifti(tmp_path / "scan.nii.gz", abdomen(small_grid()).volume)
    done = ("viscera_stage_seconds_count", "done", "mesher", "none")
    with Client(topology.url, topology.key) as client:
        client.wait(client.submit(scan, quality="light").id)
        until(lambda: scrape(topology.ports["mesher"])[done] == 1)
        worker = psutil.Process(topology.running["mesher"].pid)
        (child,) = worker.children()
        child.kill()
        until(lambda: any(one.pid != child.pid for one in worker.children()))
        client.wait(client.submit(scan, quality="light").id)
    until(lambda: scrape(topology.ports["mesher"])[done] == 2)
    seen = scrape(topology.ports["mesher"])
    assert seen["viscera_stage_seconds_count", "lost", "mesher", "none"] == 0
    assert seen["viscera_worker_peak_bytes", "mesher"] > 1e7
    assert seen["process_resident_memory_bytes",] > 1e7
    assert len(list((tmp_path / "tmp").glob("viscera-metrics-*"))) == len(STAGES)
    topology.running["mesher"].terminate()
    topology.running["mesher"].wait(30)
    assert len(list((tmp_path / "tmp").glob("viscera-metrics-*"))) == len(STAGES) - 1
