"""POST, GET, cancel and DELETE of jobs, as the contract says."""

import base64
import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from shared.ledger import claims, jobs, open_ledger


def assert_problem(answer, status, code):
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["status"] == status
    assert answer.json()["detail"].endswith(".")


def stored(settings):
    root = settings.store_url.removeprefix("file://")
    return sorted(p.relative_to(root).as_posix() for p in Path(root).rglob("*") if p.is_file())


@pytest.mark.parametrize(
    "kind", ["application/octet-stream", "application/gzip", "application/x-www-form-urlencoded", None]
)
def test_raw_body_becomes_a_queued_job(client, scan, kind):
    headers = {"Content-Type": kind} if kind else {}
    answer = client.post("/v1/jobs?filename=secret.nii.gz", content=scan, headers=headers)
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    assert int(answer.headers["retry-after"]) >= 1
    assert (job["state"], job["stage"], job["progress"], job["position"]) == ("queued", "classifier", 0.0, 1)
    assert [stage["name"] for stage in job["stages"]] == ["classifier", "segmenter", "mesher"]
    assert job["created"].endswith("Z")
    assert job["error"] is None
    assert client.get(job["links"]["self"]).json() == job


def test_scan_and_job_are_durable_when_202_is_answered(client, scan, settings):
    job = client.post("/v1/jobs", content=scan).json()
    ledger = open_ledger(settings.ledger_url)
    with ledger.read() as connection:
        kept = jobs.get_scan(connection, "default", jobs.get(connection, "default", job["id"]).scan_id)
    assert (kept.sha256, kept.bytes) == (hashlib.sha256(scan).hexdigest(), len(scan))
    manifests = [f"jobs/{job['id']}/accepted.json", f"scans/{kept.id}/manifest.json"]
    assert stored(settings) == [*manifests, kept.key]
    assert list(settings.spool.iterdir()) == []


def test_scan_first_then_job(client, stranger, scan):
    answer = client.post("/v1/scans", content=scan)
    assert answer.status_code == 201
    made = answer.json()
    assert made == {
        "id": made["id"],
        "sha256": hashlib.sha256(scan).hexdigest(),
        "bytes": len(scan),
        "format": "nifti",
    }
    asked = {"scan": made["id"], "options": {"quality": "light"}}
    assert client.post("/v1/jobs", json=asked).status_code == 202
    assert_problem(stranger.post("/v1/jobs", json=asked), 404, "not_found")
    assert_problem(client.post("/v1/jobs", json={"scan": made["id"], "typo": 1}), 422, "invalid_request")
    assert_problem(
        client.post("/v1/jobs", content=b"{", headers={"Content-Type": "application/json"}), 422, "invalid_request"
    )


def test_same_idempotency_key_and_body_gives_the_same_job(client, scan, settings):
    headers = {"Idempotency-Key": "k1"}
    first = client.post("/v1/jobs", content=scan, headers=headers)
    again = client.post("/v1/jobs", content=scan, headers=headers)
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert again.headers["location"] == first.headers["location"]
    assert [key.rpartition("/")[2] for key in stored(settings)] == ["accepted.json", "manifest.json", "original"]
    assert_problem(client.post("/v1/jobs?quality=fine", content=scan, headers=headers), 422, "idempotency_mismatch")
    assert_problem(client.post("/v1/jobs", content=scan + b"x", headers=headers), 422, "idempotency_mismatch")
    assert client.post("/v1/jobs", content=scan).json()["id"] != first.json()["id"]


def test_bad_scans_are_refused_before_202_and_leave_nothing(client, settings):
    assert_problem(client.post("/v1/jobs", content=b"no scan at all"), 422, "not_a_scan")
    assert_problem(client.post("/v1/jobs", content=b""), 422, "empty_body")
    assert_problem(client.post("/v1/jobs", content=b"x" * 2_000_001), 413, "upload_too_large")
    assert_problem(client.post("/v1/jobs", content=(b"x" * 1_100_000 for _ in range(2))), 413, "upload_too_large")
    assert stored(settings) == []
    assert list(settings.spool.iterdir()) == []


def test_other_media_types_and_encodings_are_refused(client, scan):
    assert_problem(client.post("/v1/jobs", files={"scan": scan}), 415, "unsupported_media_type")
    assert_problem(client.post("/v1/jobs", content=scan, headers={"Content-Encoding": "gzip"}), 400, "content_encoding")


def test_a_full_queue_and_a_full_disk_refuse_with_retry_after(client, scan, app):
    held = app.state.gateway
    app.state.gateway = replace(held, settings=held.settings.model_copy(update={"queue_bound": 1}))
    assert client.post("/v1/jobs", content=scan).status_code == 202
    answer = client.post("/v1/jobs", content=scan)
    assert_problem(answer, 429, "queue_full")
    assert int(answer.headers["retry-after"]) > 0
    app.state.gateway = replace(held, settings=held.settings.model_copy(update={"free_bytes": 2**60}))
    answer = client.post("/v1/scans", content=scan)
    assert_problem(answer, 503, "disk_full")
    assert int(answer.headers["retry-after"]) > 0


def test_eight_requests_with_one_key_make_one_job(client, scan, settings):
    def post(_):
        return client.post("/v1/jobs", content=scan, headers={"Idempotency-Key": "k"})

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, range(8)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert [key.rpartition("/")[2] for key in stored(settings)] == ["accepted.json", "manifest.json", "original"]


def test_content_digest_is_checked(client, scan):
    def post(digest):
        return client.post("/v1/jobs", content=scan, headers={"Content-Digest": f"sha-256=:{digest}:"})

    assert post(base64.b64encode(hashlib.sha256(scan).digest()).decode()).status_code == 202
    assert_problem(post(base64.b64encode(b"0" * 32).decode()), 422, "digest_mismatch")


def test_options_of_the_query_are_those_of_the_job(client, scan, settings):
    job = client.post("/v1/jobs?quality=light&modality=CT&coverage=false", content=scan).json()["id"]
    with open_ledger(settings.ledger_url).read() as connection:
        options = jobs.get(connection, "default", job).options
    assert {name: options[name] for name in ("quality", "modality", "coverage")} == {
        "quality": "light",
        "modality": "CT",
        "coverage": False,
    }


def test_bad_options_are_refused(client, scan):
    for query in ("quality=best", "modality=US", "coverage=half", "spacing=1,2", "spacing=0,1,1", "spacing=a,b,c"):
        assert_problem(client.post(f"/v1/jobs?{query}", content=scan), 422, "invalid_request")


def test_jobs_are_listed_newest_first_by_pages_and_state(client, stranger, scan):
    made = [client.post("/v1/jobs", content=scan).json()["id"] for _ in range(3)]
    client.post(f"/v1/jobs/{made[0]}/cancel")
    page = client.get("/v1/jobs?limit=2").json()
    rest = client.get("/v1/jobs", params={"limit": 2, "cursor": page["next"]}).json()
    assert [job["id"] for job in page["items"] + rest["items"]] == made[::-1]
    assert rest["next"] is None
    assert [job["id"] for job in client.get("/v1/jobs?state=cancelled").json()["items"]] == [made[0]]
    assert stranger.get("/v1/jobs").json() == {"items": [], "next": None}
    assert_problem(client.get("/v1/jobs?cursor=x"), 400, "bad_cursor")
    assert_problem(client.get("/v1/jobs?state=lost"), 422, "invalid_request")


def test_cancel_ends_the_job_and_a_second_cancel_conflicts(client, scan):
    job = client.post("/v1/jobs", content=scan).json()
    answer = client.post(job["links"]["cancel"])
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert "cancel" not in answer.json()["links"]
    assert_problem(client.post(job["links"]["cancel"]), 409, "job_cancelled")


def test_delete_erases_scan_and_job(client, scan, settings):
    job = client.post("/v1/jobs", content=scan).json()
    answer = client.delete(f"/v1/jobs/{job['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert_problem(client.get(f"/v1/jobs/{job['id']}"), 404, "not_found")
    assert stored(settings) == []


def test_foreign_and_unknown_jobs_look_alike(client, stranger, scan):
    job = client.post("/v1/jobs", content=scan).json()["id"]
    for method, path in (("GET", ""), ("POST", "/cancel"), ("DELETE", ""), ("GET", "/model.glb")):
        foreign = stranger.request(method, f"/v1/jobs/{job}{path}")
        unknown = stranger.request(method, f"/v1/jobs/%00'x{path}")
        assert_problem(foreign, 404, "not_found")
        assert foreign.json() == unknown.json()


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic abc", "Bearer "])
def test_without_a_valid_key_nothing_is_answered(app, header):
    from fastapi.testclient import TestClient

    with TestClient(app, headers={"Authorization": header} if header else {}) as nobody:
        for path in ("/v1/jobs", "/v1/jobs/x", "/v1/jobs/x/model.glb", "/v1/models"):
            answer = nobody.get(path)
            assert_problem(answer, 401, "unauthorized")
            assert answer.headers["www-authenticate"] == "Bearer"
        assert_problem(nobody.post("/v1/jobs", content=b"x"), 401, "unauthorized")


def test_wait_answers_when_something_changes(client, scan, settings):
    import threading
    import time

    job = client.post("/v1/jobs", content=scan).json()
    ledger = open_ledger(settings.ledger_url)

    def start():
        time.sleep(0.7)
        with ledger.write() as connection:
            claims.claim(connection, job["id"], "classifier", "w")

    thread = threading.Thread(target=start)
    thread.start()
    seen = client.get(job["links"]["self"], params={"wait": 20}).json()
    thread.join()
    assert seen["state"] == "running"
    assert client.get(job["links"]["self"], params={"wait": 0.3}).json()["state"] == "running"


def test_a_crowd_that_asks_at_once_waits_for_nobody_but_the_ledger(client, app, scan):
    job = client.post("/v1/jobs", content=scan).json()["links"]["self"]
    app.state.gateway.estimate._until = 0.0
    with ThreadPoolExecutor(60) as pool:
        answers = list(pool.map(lambda _: client.get(job), range(240)))
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["position"] for answer in answers} == {1}
