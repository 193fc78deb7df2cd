"""What the clients repeat, wait for and continue, seen from a server that is busy, breaks off or answers wrongly."""

import hashlib
import json
import threading

import pytest

from tests.support.answers import Answer, answering
from tests.support.clients import KINDS, connected
from viscera_client import Changed, Refused, ServiceError, Unreachable, steps, uploading
from viscera_client.errors import DamagedDownload
from viscera_client.models import Job

JOB = {
    "id": "j1", "state": "queued", "stage": None, "progress": 0.0, "position": 1, "wait_seconds": None, "stages": [],
    "created": "2026-01-01T00:00:00Z", "started": None, "ended": None, "deadline": "2026-01-02T00:00:00Z",
    "expires": None, "error": None, "revision": None, "links": {},
}  # fmt: skip


def job(**changes):
    return Answer(202, json.dumps(JOB | changes).encode())


def busy(status=503, after="0"):
    body = {"code": "queue_full", "detail": "Too many jobs wait."}
    return Answer(status, json.dumps(body).encode(), {"Retry-After": after})


@pytest.fixture
def server():
    with answering() as running:
        yield running


@pytest.fixture(params=KINDS)
def client(request, server, monkeypatch):
    monkeypatch.setattr(steps, "SHORTEST_PAUSE", 0.01)
    monkeypatch.setattr(steps, "USUAL_PAUSE", 0.01)
    with connected(request.param, server.url, "key-1", patience=5.0) as connection:
        yield connection


@pytest.fixture
def scan(tmp_path):
    path = tmp_path / "scan.nii"
    path.write_bytes(b"".join(number.to_bytes(2, "big") for number in range(500)))
    return path


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_service_is_asked_again_with_the_same_body_and_idempotency_key(client, server, scan, status):
    server.answers[:] = [busy(status), busy(status), job()]
    shares, threads = [], set()

    def progress(share):
        shares.append(share)
        threads.add(threading.current_thread().name)

    assert client.submit(scan, progress, quality="light", spacing=(3.0, 1.5, 1.5), coverage=False).id == "j1"
    assert [seen.body for seen in server.seen] == [scan.read_bytes()] * 3
    (key,) = {seen.headers["Idempotency-Key"] for seen in server.seen}
    assert len(key) > 20
    assert {seen.path for seen in server.seen} == {"/v1/jobs?quality=light&spacing=3.0%2C1.5%2C1.5&coverage=false"}
    assert shares[-1] == 1.0
    assert not [name for name in threads if "worker" in name], "progress is reported in the loop, not in a thread"


def test_each_submission_has_a_key_of_its_own(client, server, scan):
    server.answers[:] = [job()]
    for _ in range(2):
        client.submit(scan)
    client.start("s1", key="mine", modality="MR")
    keys = [seen.headers["Idempotency-Key"] for seen in server.seen]
    assert len(set(keys)) == 3
    assert keys[2] == "mine"
    assert json.loads(server.seen[2].body) == {"scan": "s1", "options": {"modality": "MR"}}


def test_a_wait_that_is_longer_than_the_patience_and_a_request_that_may_not_be_repeated_are_errors(client, server):
    server.answers[:] = [busy(after="6")]
    with pytest.raises(ServiceError) as long:
        client.job("j1")
    assert (long.value.code, long.value.status) == ("queue_full", 503)
    server.answers[:] = [busy()]
    with pytest.raises(ServiceError):
        client.cancel("j1")
    assert len(server.seen) == 2


def test_a_refusal_has_code_sentence_and_members_and_is_not_repeated(client, server, scan):
    problem = {"code": "revision_changed", "detail": "Somebody was faster.", "revision": 3}
    server.answers[:] = [Answer(412, json.dumps(problem).encode())]
    with pytest.raises(Changed, match="Somebody was faster") as changed:
        client.correct("j1", scan, '"e"')
    assert (changed.value.code, changed.value.members["revision"]) == ("revision_changed", 3)
    assert server.seen[0].headers["If-Match"] == '"e"'
    server.answers[:] = [Answer(404, b"<html>")]
    with pytest.raises(Refused) as refused:
        client.job("j1")
    assert (refused.value.code, len(server.seen)) == ("http_error", 2)


def test_a_part_is_sent_again_after_a_broken_connection_and_a_presigned_address_gets_no_key(
    client, server, scan, monkeypatch
):
    monkeypatch.setattr(uploading, "IN_PARTS", 500)
    other = server.url.replace("127.0.0.1", "localhost")
    parts = [{"number": n, "url": url, "bytes": 500, "done": False} for n, url in ((1, "/v1/p/1"), (2, f"{other}/p/2"))]
    upload = {"upload": "u1", "bytes": 1000, "part_bytes": 500, "expires": "2026-01-01T00:00:00Z", "parts": parts}
    ended = Answer(201, b'{"id": "s1", "sha256": "", "bytes": 1000, "format": "nifti"}')
    server.answers[:] = [
        Answer(201, json.dumps(upload).encode()), None, Answer(204, b""), Answer(200, b""), ended, job(),
    ]  # fmt: skip
    shares = []
    assert client.submit(scan, shares.append, modality="MR", quality="light").id == "j1"
    begin, *puts, complete, start = server.seen
    assert json.loads(begin.body) == {"bytes": 1000}
    assert [(put.path, put.headers.get("Authorization"), len(put.body)) for put in puts] == [
        ("/v1/p/1", "Bearer key-1", 500), ("/v1/p/1", "Bearer key-1", 500), ("/p/2", None, 500),
    ]  # fmt: skip
    assert puts[1].body + puts[2].body == scan.read_bytes()
    assert complete.path == "/v1/uploads/u1/complete?modality=MR"
    assert json.loads(start.body) == {"scan": "s1", "options": {"modality": "MR", "quality": "light"}}
    assert shares == [0.5, 1.0]


def test_a_download_that_breaks_continues_and_a_damaged_one_is_not_written(client, server, tmp_path):
    content = b"glTF" * 1000
    tag = {"ETag": f'"{hashlib.sha256(content).hexdigest()}"'}
    server.answers[:] = [
        Answer(202, b'{"name": "model.stl", "state": "waiting"}', {"Retry-After": "0"}),
        Answer(200, content[:1000], tag, length=4000),
        Answer(206, content[1000:], tag),
    ]
    assert client.download("j1", "model.stl", tmp_path / "model.stl", revision=2) == tag["ETag"]
    assert (tmp_path / "model.stl").read_bytes() == content
    assert server.seen[2].headers["Range"] == "bytes=1000-"
    assert server.seen[2].path == "/v1/jobs/j1/model.stl?revision=2"
    server.answers[:] = [Answer(200, b"other", tag)]
    with pytest.raises(DamagedDownload):
        client.download("j1", "model.glb", tmp_path / "model.glb")
    assert [path.name for path in tmp_path.iterdir()] == ["model.stl"]


def test_a_wait_outlasts_a_restart_of_the_gateway_but_a_server_that_was_never_there_is_an_error(client, server):
    server.answers[:] = [job(), None, job(state="running"), job(state="succeeded")]
    states = []
    assert client.wait("j1", lambda seen: states.append(seen.state)).state == "succeeded"
    assert states == ["queued", "running", "succeeded"]
    server.answers[:] = [None]
    with pytest.raises(Unreachable):
        client.job("j1")
    with pytest.raises(Unreachable):
        list(client.events("j1"))
    assert len(server.seen) == 6


def event(number, **changes):
    text = json.dumps(JOB | changes)
    log = f'id: {number}\nevent: log\ndata: {{"kind": "state", "at": "2026-01-01T00:00:00Z", "data": {{}}}}\n\n'
    return f"retry: 2000\n\n{log}: still here\n\nid: {number}\nevent: job\ndata: {text}\n\n".encode()


def test_a_broken_stream_of_events_continues_after_the_last_one(client, server):
    server.answers[:] = [
        Answer(200, event(4), length=9999),
        Answer(200, event(7, state="running") + event(9, state="failed")),
    ]
    assert [seen.state for seen in client.events("j1")] == ["queued", "running", "failed"]
    assert server.seen[1].headers["Last-Event-ID"] == "4"


def test_the_stream_of_an_erased_job_ends_in_an_error(client, server):
    server.answers[:] = [Answer(200, event(4) + b"event: gone\ndata: {}\n\n")]
    with pytest.raises(Refused, match="no such job"):
        list(client.events("j1"))


def test_members_that_a_later_version_adds_are_ignored():
    assert Job.model_validate(JOB | {"new": 1}).is_open
