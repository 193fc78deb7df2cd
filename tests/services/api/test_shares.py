"""A link to one job shows that job and nothing else, until it ends."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from shared.ledger.tables import api_keys
from tests.services.api.test_jobs import assert_problem


@pytest.fixture
def job(client, scan):
    return client.post("/v1/jobs", content=scan).json()["links"]["self"]


@pytest.fixture
def guest(app, client, job):
    made = client.post(job + "/share", json={"seconds": 3600}).json()
    with TestClient(app) as browser:
        assert browser.post("/v1/session", json={"key": made["token"]}).status_code == 204
        yield browser, made


def test_a_guest_sees_the_shared_job_and_nothing_else(client, guest, job, scan):
    browser, _ = guest
    other = client.post("/v1/jobs", content=scan).json()["links"]["self"]
    assert browser.get(job).json()["id"] in job
    assert [item["id"] for item in browser.get("/v1/jobs").json()["items"]] == [job.rpartition("/")[2]]
    assert browser.get("/v1/session").json()["job"] == job.rpartition("/")[2]
    assert_problem(browser.get(other), 404, "not_found")
    assert_problem(browser.get(other + "/model.glb"), 404, "not_found")
    for answer in (browser.delete(job), browser.post(job + "/cancel"), browser.post(job + "/share", json={})):
        assert_problem(answer, 403, "insufficient_scope")
    assert_problem(browser.get(job + "/shares"), 403, "insufficient_scope")


def test_ending_a_link_ends_its_sessions(client, guest, job):
    browser, made = guest
    listed = client.get(job + "/shares").json()["items"]
    assert [(item["id"], item["token"]) for item in listed] == [(made["id"], None)]
    assert client.delete(f"{job}/shares/{made['id']}").status_code == 204
    assert_problem(browser.get(job), 401, "unauthorized")
    assert client.get(job + "/shares").json()["items"] == []


def test_a_link_ends_by_itself(client, guest, job, ledger):
    browser, made = guest
    with ledger.write() as connection:
        connection.execute(update(api_keys).where(api_keys.c.id == made["id"]).values(expires=1.0))
    assert_problem(browser.get(job), 401, "unauthorized")


def test_only_the_owner_shares_and_for_no_longer_than_a_month(client, stranger, job):
    assert_problem(stranger.post(job + "/share", json={}), 404, "not_found")
    assert_problem(stranger.get(job + "/shares"), 404, "not_found")
    assert_problem(client.post(job + "/share", json={"seconds": 10**8}), 422, "invalid_request")
    assert_problem(client.delete(job + "/shares/key_x"), 404, "not_found")
