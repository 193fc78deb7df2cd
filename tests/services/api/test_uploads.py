"""Uploads in parts: through the gateway or straight to the bucket, resumed, completed, given up."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from services import reconciler
from services.api.app import create_app
from services.api.routes import uploads as route
from shared.ledger import api_keys, open_ledger
from shared.ledger.tables import uploads as rows
from shared.storage.connect import open_store
from shared.worker.queue import make_app
from tests.services.api.conftest import KEY
from tests.services.api.test_jobs import assert_problem, stored
from tests.support import contracts


@pytest.fixture
def small_parts(monkeypatch, scan):
    monkeypatch.setattr(route, "PART", len(scan) // 3 + 1)


def begin(client, scan, **given):
    return client.post("/v1/scans?upload=direct", json={"bytes": len(scan)} | given)


def pieces(scan, made):
    size = made["part_bytes"]
    return {part["number"]: scan[(part["number"] - 1) * size : part["number"] * size] for part in made["parts"]}


def test_parts_in_any_order_and_again_become_the_scan(client, scan, settings, small_parts):
    made = begin(client, scan, sha256=hashlib.sha256(scan).hexdigest()).json()
    here = f"/v1/uploads/{made['upload']}"
    data = pieces(scan, made)
    assert [part["bytes"] for part in made["parts"]] == [len(piece) for piece in data.values()]
    for number in (3, 1, 3):
        assert client.put(made["parts"][number - 1]["url"], content=data[number]).status_code == 204
    assert [part["done"] for part in client.get(here).json()["parts"]] == [True, False, True]
    assert_problem(client.post(here + "/complete"), 409, "parts_missing")
    assert client.put(made["parts"][1]["url"], content=data[2]).status_code == 204
    answer = client.post(here + "/complete")
    assert answer.status_code == 201
    assert answer.json() | {"id": ""} == {
        "id": "", "sha256": hashlib.sha256(scan).hexdigest(), "bytes": len(scan), "format": "nifti",
    }  # fmt: skip
    assert client.post(here + "/complete").json() == answer.json()
    scan_id = answer.json()["id"]
    assert stored(settings) == [f"scans/{scan_id}/manifest.json", f"scans/{scan_id}/original"]
    assert client.post("/v1/jobs", json={"scan": scan_id}).status_code == 202
    assert_problem(client.get(here), 404, "not_found")


def test_completing_twice_at_once_makes_one_scan(client, scan, small_parts):
    made = begin(client, scan).json()
    for number, piece in pieces(scan, made).items():
        client.put(made["parts"][number - 1]["url"], content=piece)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: client.post(f"/v1/uploads/{made['upload']}/complete"), range(4)))
    assert {answer.status_code for answer in answers} <= {201, 404, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1


def test_parts_of_another_size_number_or_digest_are_refused(client, scan, small_parts):
    made = begin(client, scan).json()
    first = made["parts"][0]["url"]
    assert_problem(client.put(first, content=b"short"), 422, "wrong_part")
    assert_problem(client.put(first, content=scan), 413, "upload_too_large")
    assert_problem(client.put(first.replace("/1", "/9"), content=b"x"), 404, "not_found")
    assert_problem(begin(client, scan, sha256="no"), 422, "invalid_request")
    assert_problem(client.post("/v1/scans?upload=direct", json={"bytes": 10**12}), 413, "upload_too_large")
    assert not any(part["done"] for part in client.get(f"/v1/uploads/{made['upload']}").json()["parts"])


@pytest.mark.parametrize(
    ("content", "given", "status", "code"),
    [(b"no scan at all", {}, 422, "not_a_scan"), (None, {"sha256": "0" * 64}, 422, "digest_mismatch")],
)
def test_what_can_not_be_used_is_refused_and_erased(client, scan, settings, content, given, status, code):
    content = content or scan
    made = begin(client, content, **given).json()
    client.put(made["parts"][0]["url"], content=content)
    assert_problem(client.post(f"/v1/uploads/{made['upload']}/complete"), status, code)
    sweep(settings)
    assert stored(settings) == []


def test_an_upload_given_up_or_out_of_time_leaves_nothing(client, scan, settings, ledger):
    for end in ("abort", "time"):
        made = begin(client, scan).json()
        client.put(made["parts"][0]["url"], content=scan)
        if end == "abort":
            assert client.delete(f"/v1/uploads/{made['upload']}").status_code == 204
        else:
            with ledger.write() as connection:
                connection.execute(update(rows).values(expires=1.0))
        assert_problem(client.get(f"/v1/uploads/{made['upload']}"), 404, "not_found")
        sweep(settings)
        root = settings.store_url.removeprefix("file://")
        assert stored(settings) == [], root


def test_another_tenants_upload_is_unknown(client, stranger, scan):
    here = f"/v1/uploads/{begin(client, scan).json()['upload']}"
    for answer in (stranger.get(here), stranger.put(here + "/parts/1", content=scan), stranger.delete(here)):
        assert_problem(answer, 404, "not_found")
    assert_problem(stranger.post(here + "/complete"), 404, "not_found")


def test_parts_are_refused_while_the_disk_is_too_full(app, client, scan, small_parts, monkeypatch):
    made = begin(client, scan).json()
    monkeypatch.setattr(app.state.gateway.settings, "free_bytes", 2**62)
    for number, piece in pieces(scan, made).items():
        assert_problem(client.put(made["parts"][number - 1]["url"], content=piece), 503, "disk_full")


def test_with_a_bucket_the_parts_go_straight_there(settings, s3, scan):
    url = contracts.s3_bucket(s3) + f"&public={s3}"
    given = settings.model_copy(update={"store_url": url})
    ledger = open_ledger(given.ledger_url)
    with ledger.write() as connection:
        api_keys.add_key(connection, KEY, "default")
    with TestClient(create_app(given), headers={"Authorization": f"Bearer {KEY}"}) as client:
        made = begin(client, scan).json()
        assert made["parts"][0]["url"].startswith(s3)
        assert httpx.put(made["parts"][0]["url"], content=scan).status_code == 200
        assert client.get(f"/v1/uploads/{made['upload']}").json()["parts"][0]["done"]
        answer = client.post(f"/v1/uploads/{made['upload']}/complete")
        assert (answer.status_code, answer.json()["bytes"]) == (201, len(scan))
        left = begin(client, scan).json()
        httpx.put(left["parts"][0]["url"], content=scan)
        assert client.delete(f"/v1/uploads/{left['upload']}").status_code == 204
        sweep(given)
        here = f"scans/{answer.json()['id']}"
        assert list(open_store(url).keys()) == [f"{here}/manifest.json", f"{here}/original"]


def sweep(settings):
    ledger, store = open_ledger(settings.ledger_url), open_store(settings.store_url)
    reconciler.reconcile(ledger, store, make_app(settings.broker_url, answer_within=0.1), 10.0)
    reconciler.reconcile(ledger, store, make_app(settings.broker_url, answer_within=0.1), 10.0)
    with ledger.read() as connection:
        assert connection.execute(rows.select()).all() == []
