"""A credential that came from another one never lasts longer and never allows more."""

import os
import string
import subprocess
import sys
import threading
import time
from datetime import datetime

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy import select, update

from services.api.app import create_app
from services.api.gateway import COOKIE
from shared.errors import Unauthorized, VisceraError
from shared.ledger import api_keys
from shared.ledger.tables import api_keys as rows
from shared.settings import Settings
from tests.services.api.conftest import KEY
from tests.services.api.identity import Provider
from tests.services.api.test_jobs import assert_problem


@pytest.fixture
def job(client, scan):
    return client.post("/v1/jobs", content=scan).json()["links"]["self"]


def add(ledger, **given) -> tuple[str, str]:
    key = api_keys.new_key(given.get("kind", "key"))
    with ledger.write() as connection:
        return key, api_keys.add_key(connection, key, "default", **given)


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def session_of(app, key: str) -> str:
    with TestClient(app) as browser:
        assert browser.post("/v1/session", json={"key": key}).status_code == 204
        return browser.cookies[COOKIE]


def test_a_session_opens_no_session(app):
    session = session_of(app, KEY)
    with TestClient(app) as browser:
        answer = browser.post("/v1/session", json={"key": session})
        assert_problem(answer, 401, "unauthorized")
        assert "set-cookie" not in answer.headers


def test_what_came_from_a_revoked_key_ends_with_it_through_the_whole_chain(app, client, ledger, job):
    key, key_id = add(ledger)
    share = client.post(job + "/share", json={}, headers=bearer(session_of(app, key))).json()["token"]
    guest = session_of(app, share)
    for credential in (share, guest):
        assert client.get(job, headers=bearer(credential)).status_code == 200
    client.delete(f"/v1/keys/{key_id}")
    for credential in (key, share, guest):
        assert_problem(client.get(job, headers=bearer(credential)), 401, "unauthorized")


def test_a_share_ends_with_the_key_of_its_maker_however_long_it_was_to_last(app, client, ledger, job):
    key, key_id = add(ledger, seconds=60)
    for maker in (key, session_of(app, key)):
        made = client.post(job + "/share", json={"seconds": 31 * 86400}, headers=bearer(maker)).json()
        told = client.get("/v1/session", headers=bearer(session_of(app, made["token"]))).json()
        with ledger.read() as connection:
            end = connection.execute(select(rows.c.expires).where(rows.c.id == key_id)).scalar_one()
        assert end_of(made) <= end + 0.001
        assert end_of(told) <= end + 0.001


def end_of(answer: dict) -> float:
    return datetime.fromisoformat(answer["expires"]).timestamp()


def test_a_share_outlives_the_session_but_not_the_key_it_was_made_with(app, client, ledger, job):
    key, _ = add(ledger)
    session = session_of(app, key)
    share = client.post(job + "/share", json={}, headers=bearer(session)).json()["token"]
    client.delete("/v1/session", headers=bearer(session))
    assert client.get(job, headers=bearer(share)).status_code == 200


def test_who_may_not_read_can_not_share(client, ledger, job):
    key, _ = add(ledger, scopes=["jobs:write"])
    assert_problem(client.get(job, headers=bearer(key)), 403, "insufficient_scope")
    assert_problem(client.post(job + "/share", json={}, headers=bearer(key)), 403, "insufficient_scope")


def test_a_session_of_a_providers_token_ends_with_the_token(settings, app):
    del app
    provider = Provider()
    given = settings.model_copy(update={"oidc_issuer": provider.url, "loopback": False})
    with TestClient(create_app(given)) as browser:
        end = time.time() + 40
        assert browser.post("/v1/session", json={"key": provider.token(exp=end)}).status_code == 204
        assert end_of(browser.get("/v1/session").json()) <= end + 0.001
    provider.server.shutdown()
    provider.server.server_close()


def test_a_chain_with_a_missing_link_or_one_of_another_tenant_is_refused(ledger, app):
    del app
    _, parent = add(ledger)
    with ledger.write() as connection:
        foreign = api_keys.add_key(connection, api_keys.new_key(), "other")
    session, session_id = add(ledger, kind="session", parent=parent)
    with ledger.write() as connection:
        connection.execute(update(rows).where(rows.c.id == session_id).values(parent=foreign))
        with pytest.raises(Unauthorized):
            api_keys.caller(connection, session)
        connection.execute(update(rows).where(rows.c.id == session_id).values(parent=session_id))  # a loop
        with pytest.raises(Unauthorized):
            api_keys.caller(connection, session)


@pytest.mark.parametrize("end", ["revoked", "expired"])
def test_an_open_stream_ends_with_its_credential(live, client, ledger, job, end):
    made = client.post(job + "/share", json={}).json()
    finished = threading.Event()

    def follow() -> None:
        live.get(job + "/events", headers=bearer(made["token"]))
        finished.set()

    threading.Thread(target=follow, daemon=True).start()
    assert not finished.wait(1.5)
    if end == "revoked":
        client.delete(f"{job}/shares/{made['id']}")
    else:
        with ledger.write() as connection:
            connection.execute(update(rows).where(rows.c.id == made["id"]).values(expires=1.0))
    assert finished.wait(60.0)


def test_a_waiting_request_ends_with_its_credential(live, client, job):
    made = client.post(job + "/share", json={}).json()
    answers = []
    waiting = threading.Thread(
        target=lambda: answers.append(live.get(job, params={"wait": 60}, headers=bearer(made["token"])).status_code)
    )
    waiting.start()
    time.sleep(0.5)
    client.delete(f"{job}/shares/{made['id']}")
    waiting.join(60)
    assert answers == [401]


def test_another_key_in_the_settings_ends_the_one_before(settings, app):
    del app
    first, second = api_keys.new_key(), api_keys.new_key()

    def start(key: str) -> TestClient:
        return TestClient(create_app(Settings(**settings.model_dump(exclude={"key"}), key=key)))

    with start(first) as client:
        assert client.get("/v1/jobs", headers=bearer(first)).status_code == 200
    with start(second) as client:
        assert client.get("/v1/jobs", headers=bearer(second)).status_code == 200
        assert_problem(client.get("/v1/jobs", headers=bearer(first)), 401, "unauthorized")


def test_the_metrics_key_reads_metrics_alone_and_ends_with_its_successor(settings, app):
    del app
    key, metrics_keys = api_keys.new_key(), (api_keys.new_key(), api_keys.new_key())
    for metrics_key in metrics_keys:
        chosen = Settings(**settings.model_dump(exclude={"key", "metrics_key"}), key=key, metrics_key=metrics_key)
        with TestClient(create_app(chosen)) as client:
            assert client.get("/metrics", headers=bearer(metrics_key)).status_code == 200
            assert client.get("/v1/session", headers=bearer(metrics_key)).json()["scopes"] == ["metrics:read"]
            assert_problem(client.get("/v1/jobs", headers=bearer(metrics_key)), 403, "insufficient_scope")
            assert client.get("/v1/jobs", headers=bearer(key)).status_code == 200
    with TestClient(create_app(chosen)) as client:
        assert_problem(client.get("/metrics", headers=bearer(metrics_keys[0])), 401, "unauthorized")


@pytest.mark.parametrize(
    "weak",
    [
        "x",
        "a" * 64,
        "vsk_short_0123456",
        "correct horse battery staple",
        f"vsk_{string.ascii_lowercase}{string.digits}ABCDEFG000000",
    ],
)
@pytest.mark.parametrize("name", ["key", "metrics_key"])
def test_a_weak_key_in_the_settings_is_refused(settings, name, weak):
    chosen = settings.model_copy(update={name: SecretStr(weak)})
    with pytest.raises(VisceraError) as caught:
        create_app(chosen)
    assert caught.value.code == "weak_key"
    assert f"VISCERA_{name.upper()} " in caught.value.detail
    assert len(weak) < 5 or weak not in caught.value.detail


def test_a_gateway_with_a_weak_key_ends_with_one_sentence(tmp_path):
    environment = os.environ | {"VISCERA_KEY": "x", "VISCERA_LEDGER_URL": f"sqlite:///{tmp_path / 'ledger.db'}"}
    command = [sys.executable, "-P", "-m", "services.api", "--port", "0"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("VISCERA_KEY is too weak")
    assert len(done.stderr.splitlines()) == 1


def test_every_session_on_loopback_hangs_on_one_authority_that_can_be_revoked(app, ledger):
    with TestClient(app, base_url="http://127.0.0.1:8000", client=("127.0.0.1", 50000)) as browser:
        sessions = []
        for _ in range(2):
            browser.cookies.clear()
            browser.get("/")
            sessions.append(browser.cookies[COOKIE])
            assert browser.get("/v1/jobs").status_code == 200
        assert sessions[0] != sessions[1]
        with ledger.write() as connection:
            (authority,) = connection.execute(select(rows.c.id).where(rows.c.kind == "loopback")).scalars()
            api_keys.revoke(connection, "default", authority)
        browser.cookies.clear()
        for session in sessions:
            assert_problem(browser.get("/v1/jobs", headers=bearer(session)), 401, "unauthorized")
