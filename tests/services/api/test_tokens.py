"""Tokens of an identity provider: who is let in, as whom, and every way a token can be wrong."""

import base64
import json
import threading
import time

import jwt
import pytest
from fastapi.testclient import TestClient

from services.api import tokens
from services.api.app import create_app
from services.api.gateway import COOKIE
from shared.errors import Unavailable
from tests.services.api.identity import Provider, rsa_key
from tests.services.api.test_jobs import assert_problem


@pytest.fixture
def provider():
    made = Provider()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def gateway(settings, provider):
    given = settings.model_copy(update={"oidc_issuer": provider.url, "oidc_client": "page", "loopback": False})
    with TestClient(create_app(given), raise_server_exceptions=False) as made:
        yield made


def ask(gateway, token, path="/v1/session"):
    return gateway.get(path, headers={"Authorization": f"Bearer {token}"})


def test_a_token_names_tenant_and_scopes(gateway, provider):
    told = ask(gateway, provider.token(tenant="ward-7", scope="openid viscera/jobs:read viscera/admin x")).json()
    assert (told["tenant"], told["scopes"]) == ("ward-7", ["admin", "jobs:read"])
    assert told["key_id"] == "oidc:nurse"
    assert ask(gateway, provider.token(scope=["jobs:read"])).json()["tenant"] == "default"
    assert ask(gateway, provider.token(), "/v1/jobs").status_code == 200
    assert_problem(ask(gateway, provider.token(scope="profile"), "/v1/jobs"), 403, "insufficient_scope")


@pytest.mark.parametrize("scope", [7, None, {"jobs:read": 1}, [1, None], "evil/admin", "https://other.example/admin"])
def test_scopes_of_odd_kinds_and_of_other_services_give_nothing(gateway, provider, scope):
    claims = {"scope": scope} if scope is not None else {}
    token = provider.token(**claims) if claims else jwt.encode(
        {"iss": provider.url, "aud": "viscera", "sub": "nurse", "exp": time.time() + 300, "scope": None},
        provider.key, "RS256", {"kid": provider.kid},
    )  # fmt: skip
    assert ask(gateway, token).json()["scopes"] == []


def test_an_end_in_the_far_future_is_not_taken_over(gateway, provider):
    assert ask(gateway, provider.token(exp=10**18)).status_code == 200


def unsigned(provider):
    return jwt.encode({"iss": provider.url, "aud": "viscera", "sub": "x", "exp": time.time() + 60}, None, "none")


def confused(provider):
    """Signed with HMAC under the public key's text, which a naive verifier takes."""
    body = {"iss": provider.url, "aud": "viscera", "sub": "x", "exp": time.time() + 60}
    return jwt.encode(body, b"secret" * 8, "HS256", {"kid": "shared"})


def tampered(provider):
    head, body, tail = provider.token().split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "==")) | {"tenant": "other"}
    return f"{head}.{base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b'=').decode()}.{tail}"


def foreign(provider):
    body = {"iss": provider.url, "aud": "viscera", "sub": "x", "exp": time.time() + 60}
    return jwt.encode(body, rsa_key(), "RS256", {"kid": "first"})


@pytest.mark.parametrize(
    "make",
    [
        lambda p: p.token(exp=time.time() - 120), lambda p: p.token(exp=None), lambda p: p.token(aud="other"),
        lambda p: p.token(aud=None), lambda p: p.token(iss="https://evil.example"), lambda p: p.token(sub=None),
        lambda p: p.token(nbf=time.time() + 600), lambda p: p.token(tenant="../etc"),
        lambda p: p.token(tenant="a" * 99), lambda p: p.token(tenant="default\n"), lambda p: p.token(sub="a\0b"),
        lambda p: p.token(sub="\ud800"), lambda p: p.token(nonce="n"), lambda p: p.token(at_hash="h"),
        lambda p: p.token(typ="ID"), lambda p: p.token(exp=float("inf")),
        unsigned, confused, tampered, foreign, lambda p: "a.b.c", lambda p: "..",
    ],
)  # fmt: skip
def test_every_wrong_token_is_refused_alike(gateway, provider, make):
    assert_problem(ask(gateway, make(provider)), 401, "unauthorized")


def test_rotated_keys_are_fetched_again_but_not_for_every_unknown_one(gateway, provider, monkeypatch):
    assert ask(gateway, provider.token()).status_code == 200
    old = provider.token()
    provider.rotate()
    for _ in range(5):
        assert_problem(ask(gateway, provider.token()), 401, "unauthorized")
    assert provider.fetched == 1
    monkeypatch.setattr(tokens, "REFRESH", 0.0)
    assert ask(gateway, provider.token()).status_code == 200
    assert_problem(ask(gateway, old), 401, "unauthorized")


def test_a_withdrawn_key_ends_without_anybody_bringing_another(gateway, provider, monkeypatch):
    old = provider.token()
    assert ask(gateway, old).status_code == 200
    provider.rotate()
    monkeypatch.setattr(tokens, "REFRESH", 0.0)
    monkeypatch.setattr(tokens, "MAX_AGE", 0.0)
    time.sleep(0.01)
    assert_problem(ask(gateway, old), 401, "unauthorized")


@pytest.mark.parametrize("cached", [True, False])
def test_a_provider_that_hangs_costs_one_request_at_a_time(gateway, provider, monkeypatch, cached):
    monkeypatch.setattr(tokens, "DEADLINE", 3.0)
    if cached:
        assert ask(gateway, provider.token()).status_code == 200
        monkeypatch.setattr(tokens, "REFRESH", 0.0)  # a fetch may begin at once, as after half a minute
    provider.hang()
    provider.kid = "made up"
    answers: list[int] = []
    asking = [
        threading.Thread(target=lambda: answers.append(ask(gateway, provider.token()).status_code)) for _ in range(45)
    ]
    for thread in asking:
        thread.start()
    time.sleep(0.1)
    assert gateway.get("/livez").status_code == 200
    assert_problem(ask(gateway, "vsk_unknown"), 401, "unauthorized")
    assert any(thread.is_alive() for thread in asking), "others are answered while the provider still hangs"
    for thread in asking:
        thread.join(20)
    provider.resume()
    assert set(answers) == ({401} if cached else {503})


def test_a_provider_that_answers_byte_by_byte_has_no_more_time(provider, monkeypatch):
    monkeypatch.setattr(tokens, "DEADLINE", 0.5)
    provider.hang(drip=True)
    with pytest.raises(Unavailable):  # without an end of its own, the call would end with the test's time
        tokens.fetch(provider.url + "/keys")
    provider.resume()


def test_a_provider_that_is_away_is_unavailable_and_keys_still_work(gateway, provider, settings, ledger):
    token = provider.token()
    provider.server.shutdown()
    provider.server.server_close()
    assert_problem(ask(gateway, token), 503, "issuer_unavailable")
    assert_problem(ask(gateway, "vsk_unknown"), 401, "unauthorized")


def test_the_browser_signs_in_at_the_provider_and_comes_back_with_a_session(gateway, provider):
    assert gateway.get("/v1/session/oidc").json() == {"enabled": True, "login": "/v1/session/oidc/login"}
    away = gateway.get("/v1/session/oidc/login", follow_redirects=False)
    assert away.headers["location"].startswith(provider.url + "/authorize?")
    back = _visit(away.headers["location"])
    answer = gateway.get(back, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, "/")
    assert COOKIE in answer.headers["set-cookie"]
    assert gateway.get("/v1/session").json()["scopes"] == ["jobs:read"]
    assert_problem(gateway.get(back, follow_redirects=False), 400, "bad_state")


def test_a_sign_in_that_did_not_begin_here_is_refused(gateway, provider):
    away = gateway.get("/v1/session/oidc/login", follow_redirects=False)
    back = _visit(away.headers["location"])
    gateway.cookies.clear()
    answer = gateway.get(back, follow_redirects=False)
    assert_problem(answer, 400, "bad_state")


def test_without_a_provider_there_is_no_offer(client):
    assert client.get("/v1/session/oidc").json() == {"enabled": False, "login": None}
    assert_problem(client.get("/v1/session/oidc/login"), 404, "not_found")


def _visit(url: str) -> str:
    import httpx

    return httpx.get(url).headers["location"]
