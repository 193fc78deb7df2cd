"""Sign-in with a key, its cookie, and pages that try to use somebody else's."""

from fastapi.testclient import TestClient

from services.api.gateway import COOKIE
from shared.ledger import api_keys
from tests.services.api.conftest import KEY
from tests.services.api.test_jobs import assert_problem


def test_a_key_opens_a_session_that_may_do_what_the_key_may(app, client, ledger):
    key = api_keys.new_key()
    with ledger.write() as connection:
        api_keys.add_key(connection, key, "default", name="ward", scopes=["jobs:read"])
    with TestClient(app, base_url="https://testserver") as browser:
        assert_problem(browser.get("/v1/session"), 401, "unauthorized")
        answer = browser.post("/v1/session", json={"key": key})
        assert answer.status_code == 204
        cookie = answer.headers["set-cookie"].lower()
        assert all(word in cookie for word in ("httponly", "samesite=strict", "secure", COOKIE))
        assert key not in cookie
        told = browser.get("/v1/session").json()
        assert (told["tenant"], told["name"], told["scopes"], told["job"]) == ("default", "ward", ["jobs:read"], None)
        assert told["expires"] is not None
        assert browser.get("/v1/jobs").status_code == 200
        assert_problem(browser.post("/v1/jobs", content=b"x"), 403, "insufficient_scope")
        assert browser.delete("/v1/session").status_code == 204
        assert_problem(browser.get("/v1/jobs"), 401, "unauthorized")
    assert client.get("/v1/session").json()["tenant"] == "default"


def test_signing_out_ends_the_session_for_whoever_kept_its_cookie(app):
    with TestClient(app) as browser:
        browser.post("/v1/session", json={"key": KEY})
        stolen = browser.cookies[COOKIE]
        browser.delete("/v1/session")
    with TestClient(app, cookies={COOKIE: stolen}) as thief:
        assert_problem(thief.get("/v1/jobs"), 401, "unauthorized")


def test_a_wrong_key_opens_nothing(app):
    with TestClient(app) as browser:
        answer = browser.post("/v1/session", json={"key": api_keys.new_key()})
        assert_problem(answer, 401, "unauthorized")
        assert "set-cookie" not in answer.headers
        assert_problem(browser.post("/v1/session", json={}), 422, "invalid_request")


def test_another_sites_page_can_not_use_the_session(app, scan):
    with TestClient(app) as browser:
        browser.post("/v1/session", json={"key": KEY})
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://attacker.example"}):
            assert_problem(browser.post("/v1/jobs", content=scan, headers=headers), 403, "cross_site")
        for headers in ({"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://testserver"}, {}):
            assert browser.post("/v1/jobs", content=scan, headers=headers).status_code == 202


def test_the_origin_does_not_matter_to_a_key(client, scan):
    answer = client.post("/v1/jobs", content=scan, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 202
