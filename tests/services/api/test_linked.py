"""An address of a model that needs no key opens that model for ten minutes, and nothing else does."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from shared.ledger import api_keys as access
from shared.ledger.tables import api_keys, audit
from tests.services.api import test_results
from tests.services.api.test_jobs import assert_problem

done = test_results.done


@pytest.fixture
def phone(app):
    """A program without a key and without a session."""
    with TestClient(app) as made:
        made.cookies.clear()
        yield made


def test_an_address_opens_the_model_of_its_job_without_a_key_and_that_is_audited(client, phone, done, ledger):
    path = client.post(done + "/model-link").json()["path"]
    assert path.startswith(done + "/linked/model.glb?ticket=")
    answer = phone.get(path)
    assert (answer.status_code, answer.content) == (200, test_results.CONTENT)
    assert answer.headers["content-type"] == "model/gltf-binary"
    assert phone.head(path).headers["etag"] == answer.headers["etag"]
    assert phone.get(path, headers={"Range": "bytes=0-9"}).status_code == 206
    assert_problem(phone.get(done + "/linked/model.glb"), 401, "unauthorized")
    assert_problem(phone.get(path.replace("linked/", "")), 401, "unauthorized")
    with ledger.read() as connection:
        actions = [row.action for row in connection.execute(select(audit).order_by(audit.c.id))]
    assert actions[-2:] == ["share", "read"]


def test_keys_share_links_and_tickets_of_other_jobs_do_not_work_in_an_address(client, phone, done, scan, ledger):
    other = client.post("/v1/jobs", content=scan).json()["links"]["self"]
    foreign = client.post(other + "/model-link").json()["path"].partition("=")[2]
    token = client.post(done + "/share", json={}).json()["token"]
    key = access.new_key()
    with ledger.write() as connection:
        access.add_key(connection, key, "default")
    for secret in (foreign, token, key, "vsl_wrong", "x" * 99):
        assert_problem(phone.get(f"{done}/linked/model.glb?ticket={secret}"), 401, "unauthorized")
    assert_problem(phone.get(f"{done}/linked/model.glb?ticket={'x' * 101}"), 422, "invalid_request")


def test_the_ticket_of_an_address_is_no_key(client, phone, done):
    ticket = client.post(done + "/model-link").json()["path"].partition("=")[2]
    bearer = {"Authorization": f"Bearer {ticket}"}
    for path in (done, done + "/model.glb", done + "/report.json", "/v1/jobs", "/v1/session", "/monailabel/info/"):
        assert phone.get(path, headers=bearer).status_code == 401, path
    assert_problem(phone.post(done + "/model-link", headers=bearer), 401, "unauthorized")
    assert_problem(phone.post("/v1/session", json={"key": ticket}), 401, "unauthorized")
    phone.cookies.set("viscera_session", ticket)
    assert phone.get(done).status_code == 401


def test_an_address_ends_by_itself_and_with_the_link_of_the_guest_who_made_it(client, app, phone, done, ledger):
    share = client.post(done + "/share", json={}).json()
    with TestClient(app) as guest:
        guest.post("/v1/session", json={"key": share["token"]})
        path = guest.post(done + "/model-link").json()["path"]
    assert phone.get(path).status_code == 200
    assert len(client.get(done + "/shares").json()["items"]) == 1
    assert client.delete(f"{done}/shares/{share['id']}").status_code == 204
    assert_problem(phone.get(path), 401, "unauthorized")
    path = client.post(done + "/model-link").json()["path"]
    with ledger.write() as connection:
        connection.execute(
            update(api_keys).where(api_keys.c.digest == access.digest(path.partition("=")[2])).values(expires=1.0)
        )
    assert_problem(phone.get(path), 401, "unauthorized")
