"""Hospital systems sign in with an assertion of their own key, once each."""

import time
import uuid

import jwt
import pytest
from fastapi.testclient import TestClient

from services.api.app import create_app
from services.api.routes.oauth import ASSERTION
from shared.ledger import clients
from tests.services.api.identity import ec_key, jwk, rsa_key
from tests.services.api.test_jobs import assert_problem

PUBLIC = "https://viscera.hospital.example"
ENDPOINT = PUBLIC + "/v1/oauth/token"
KEYS = {"ES384": ec_key(), "RS384": rsa_key()}


@pytest.fixture
def nobody(app, settings, ledger):
    del app
    published = {"keys": [jwk(key, name) for name, key in KEYS.items()]}
    with TestClient(create_app(settings.model_copy(update={"public_url": PUBLIC + "/"}))) as made:
        with ledger.write() as connection:
            clients.add(connection, "pacs", "ward", ["jobs:read", "dicom:write"], jwks=published)
        yield made


def sign(algorithm="ES384", **claims):
    base = {"iss": "pacs", "sub": "pacs", "aud": ENDPOINT, "exp": time.time() + 240, "jti": uuid.uuid4().hex}
    given = {name: value for name, value in (base | claims).items() if value is not None}
    return jwt.encode(given, KEYS[algorithm], algorithm, {"kid": algorithm})


def ask(client, assertion, **form):
    given = {
        "grant_type": "client_credentials", "client_assertion": assertion,
        "client_assertion_type": ASSERTION,
    }  # fmt: skip
    return client.post("/v1/oauth/token", data=given | form)


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_signed_assertion_gives_a_token_for_five_minutes(nobody, algorithm):
    answer = ask(nobody, sign(algorithm), scope="jobs:read")
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    assert (answer.status_code, told["token_type"], told["expires_in"], told["scope"]) == (
        200,
        "bearer",
        300,
        "jobs:read",
    )
    headers = {"Authorization": f"Bearer {told['access_token']}"}
    assert nobody.get("/v1/session", headers=headers).json()["tenant"] == "ward"
    assert nobody.get("/v1/jobs", headers=headers).status_code == 200
    assert_problem(nobody.post("/v1/jobs", headers=headers, content=b"x"), 403, "insufficient_scope")


def test_without_a_scope_it_may_do_all_it_is_registered_for(nobody):
    assert ask(nobody, sign()).json()["scope"] == "dicom:write jobs:read"


def test_an_assertion_works_once(nobody):
    assertion = sign()
    assert ask(nobody, assertion).status_code == 200
    again = ask(nobody, assertion)
    assert (again.status_code, again.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://elsewhere/token"}, {"exp": time.time() - 120}, {"exp": None}, {"iss": "unknown"}, {"sub": "x"},
        {"jti": None}, {"exp": time.time() + 7200, "iat": time.time()}, {"exp": time.time() + 315e6},
        {"exp": time.time() + 7200, "iat": time.time() + 7100}, {"iss": "a\0b"}, {"iss": "\ud800"},
    ],
)  # fmt: skip
def test_wrong_assertions_are_refused_alike(nobody, claims):
    answer = ask(nobody, sign(**claims))
    assert answer.status_code == 401
    assert answer.json() == {"error": "invalid_client", "error_description": "The assertion is not valid here."}


def test_a_key_that_is_not_registered_is_refused(nobody):
    body = {"iss": "pacs", "sub": "pacs", "aud": ENDPOINT, "exp": time.time() + 240, "jti": "j"}
    for token in (jwt.encode(body, ec_key(), "ES384", {"kid": "ES384"}), jwt.encode(body, "", "none"), "nonsense"):
        assert ask(nobody, token).json()["error"] == "invalid_client"


def test_other_requests_get_the_standards_codes(nobody):
    for form, code in (
        ({"grant_type": "password"}, "unsupported_grant_type"), ({"client_assertion": ""}, "invalid_request"),
        ({"scope": "admin"}, "invalid_scope"), ({"client_assertion_type": "x"}, "invalid_request"),
    ):  # fmt: skip
        answer = ask(nobody, sign(), **form)
        assert (answer.status_code, answer.json()["error"]) == (400, code)
    assert nobody.post("/v1/oauth/token", content=b"\xff" * 99).json()["error"] == "invalid_request"


def test_the_audience_is_the_configured_address_whatever_the_request_is_called(nobody):
    other = sign(aud="https://other.example/v1/oauth/token")
    headers = {"Host": "other.example", "X-Forwarded-Proto": "https"}
    form = {"grant_type": "client_credentials", "client_assertion": other, "client_assertion_type": ASSERTION}
    assert nobody.post("/v1/oauth/token", data=form, headers=headers).json()["error"] == "invalid_client"
    assert nobody.get("/.well-known/smart-configuration", headers=headers).json()["token_endpoint"] == ENDPOINT


def test_without_a_public_address_no_assertion_is_accepted(client):
    assert_problem(ask(client, sign()), 404, "not_found")
    assert_problem(client.get("/.well-known/smart-configuration"), 404, "not_found")


def test_a_removed_systems_tokens_end_at_once(nobody, ledger):
    headers = {"Authorization": f"Bearer {ask(nobody, sign()).json()['access_token']}"}
    assert nobody.get("/v1/jobs", headers=headers).status_code == 200
    with ledger.write() as connection:
        clients.remove(connection, "pacs")
    assert_problem(nobody.get("/v1/jobs", headers=headers), 401, "unauthorized")


def test_the_configuration_says_where_and_how(nobody):
    told = nobody.get("/.well-known/smart-configuration").json()
    assert told["token_endpoint"] == ENDPOINT
    assert told["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
