"""Webhooks over HTTP: made with a secret told once, listed, rotated, followed, removed."""

import pytest

from shared.ledger import jobs, webhooks
from tests.services.api.test_jobs import assert_problem

URL = "https://hook.example/viscera"


@pytest.fixture
def hook(client):
    return client.post("/v1/webhooks", json={"url": URL}).json()


def test_the_secret_is_told_once(client, hook):
    assert hook["secret"].startswith("whsec_")
    assert hook["kinds"] == list(webhooks.KINDS)
    assert client.get("/v1/webhooks").json()["items"] == [hook | {"secret": None}]


@pytest.mark.parametrize("url", ["http://hook.example/", "https://user@hook.example/", "x" * 30])
def test_unfit_urls_are_refused_at_once(client, url):
    assert_problem(client.post("/v1/webhooks", json={"url": url}), 422, "bad_webhook_url")


def test_unknown_kinds_are_refused(client):
    assert_problem(client.post("/v1/webhooks", json={"url": URL, "kinds": ["job.nap"]}), 422, "invalid_request")
    assert_problem(client.post("/v1/webhooks", json={"url": URL, "kinds": []}), 422, "invalid_request")


def test_deliveries_are_listed_and_sent_again(client, hook, scan, ledger):
    job_id = client.post("/v1/jobs", content=scan).json()["id"]
    client.post(f"/v1/jobs/{job_id}/cancel")
    here = f"/v1/webhooks/{hook['id']}"
    (found,) = client.get(here + "/deliveries").json()["items"]
    assert (found["kind"], found["state"], found["attempts"]) == ("job.cancelled", "due", 0)
    with ledger.write() as connection:
        (parcel,) = webhooks.take(connection, 60.0)
        webhooks.settle(connection, parcel, 410, None)
    assert client.get(here + "/deliveries").json()["items"][0]["state"] == "failed"
    assert client.post(f"{here}/deliveries/{found['id']}/retry").status_code == 202
    assert client.get(here + "/deliveries").json()["items"][0]["state"] == "due"
    with ledger.read() as connection:
        assert "secret" not in str(webhooks.log(connection, "default", hook["id"], 5))
        assert jobs.get(connection, "default", job_id).state == "cancelled"


def test_rotation_tells_a_new_secret_and_removal_ends_it(client, stranger, hook):
    here = f"/v1/webhooks/{hook['id']}"
    assert client.post(here + "/rotate", json={}).json()["secret"] not in {None, hook["secret"]}
    for answer in (stranger.delete(here), stranger.get(here + "/deliveries"), stranger.post(here + "/rotate", json={})):
        assert_problem(answer, 404, "not_found")
    assert client.delete(here).status_code == 204
    assert_problem(client.delete(here), 404, "not_found")
