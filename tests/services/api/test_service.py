"""Health, models, the session on loopback, and what the gateway must not hold."""

import json
import re
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from http.cookiejar import DefaultCookiePolicy

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from services.api import page_session
from services.api.gateway import COOKIE
from services.api.problems import api_routes, methods
from shared.ledger import open_ledger, workers
from shared.ledger.tables import api_keys, audit
from tests.services.api.test_jobs import assert_problem


def test_livez_needs_no_key(app):
    with TestClient(app) as nobody:
        assert nobody.get("/livez").json()["status"] == "ok"


def test_readyz_names_what_is_missing(client, settings):
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["missing"] == ["classifier", "segmenter", "mesher", "broker"]
    ledger = open_ledger(settings.ledger_url)
    with ledger.write() as connection:
        workers.seen(connection, workers.Worker("w", "mesher", None))
    assert client.get("/readyz").json()["missing"] == ["classifier", "segmenter", "broker"]


def test_models_are_those_that_live_workers_run(client, settings):
    card = {"name": "gate", "version": "1", "sha256": "0" * 64, "licence": "CC"}
    ledger = open_ledger(settings.ledger_url)
    with ledger.write() as connection:
        for worker in ("a", "b"):
            model = {"provider": "cuda", "device": "cuda:0 H100", "card": card}
            workers.seen(connection, workers.Worker(worker, "classifier", model))
        workers.seen(connection, workers.Worker("older", "classifier", {"provider": "cpu", "card": card}))
    items = client.get("/v1/models").json()["items"]
    told = sorted((item["stage"], item["name"], item["provider"], item["device"]) for item in items)
    assert told == [("classifier", "gate", "cpu", ""), ("classifier", "gate", "cuda", "cuda:0 H100")]


HERE = ("127.0.0.1", 50000)


def test_page_on_loopback_opens_a_session(app):
    with TestClient(app, base_url="http://127.0.0.1:8000", client=HERE) as browser:
        answer = browser.get("/")
        cookie = answer.headers["set-cookie"]
        assert COOKIE in cookie
        assert "HttpOnly" in cookie
        assert "samesite=strict" in cookie.lower()
        assert browser.get("/v1/jobs").status_code == 200
        assert "set-cookie" not in browser.get("/").headers


def written(ledger):
    """The sessions and the records of sign-ins in the ledger."""
    with ledger.read() as connection:
        sessions = connection.execute(select(api_keys.c.id).where(api_keys.c.kind == "session")).scalars().all()
        records = connection.execute(select(audit.c.action).where(audit.c.action == "sign_in")).scalars().all()
    return len(sessions), len(records)


def test_whoever_reads_the_page_and_uses_no_session_writes_one_at_most(app, ledger):
    with TestClient(app, base_url="http://127.0.0.1:8000", client=HERE) as probe:

        def read(_):
            return probe.get("/").headers["set-cookie"]

        probe.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        with ThreadPoolExecutor(8) as threads:
            cookies = set(threads.map(read, range(40)))
    assert len(cookies) == 1
    assert written(ledger) == (1, 1)


def test_two_browsers_that_use_the_page_have_a_session_each(app, ledger):
    values = set()
    for _ in range(2):
        with TestClient(app, base_url="http://127.0.0.1:8000", client=HERE) as browser:
            browser.get("/")
            assert browser.get("/web.json").json()["signed_in"] is True
            values.add(browser.cookies[COOKIE])
    assert len(values) == 2
    assert written(ledger) == (2, 2)


def test_an_unused_session_is_not_handed_out_once_it_is_old_or_revoked(app, ledger, monkeypatch):
    with TestClient(app, base_url="http://127.0.0.1:8000", client=HERE) as browser:
        values = []

        def read():
            browser.cookies.clear()
            browser.get("/")
            values.append(browser.cookies[COOKIE])

        read()
        read()
        with ledger.write() as connection:
            connection.execute(update(api_keys).where(api_keys.c.kind == "session").values(revoked=1.0))
        monkeypatch.setattr(page_session, "REUSED_SECONDS", -1.0)
        read()
        read()
    assert values[0] == values[1]
    assert len(set(values)) == 3


def test_a_foreign_host_name_gets_no_session(app):
    with TestClient(app, base_url="http://attacker.example", client=HERE) as browser:
        assert "set-cookie" not in browser.get("/").headers
        assert browser.get("/v1/jobs").status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "203.0.113.9"}, {"X-Forwarded-Host": "viscera.hospital.org"}, {"Forwarded": "for=::1"},
        {"Via": "1.1 proxy"}, {"X-Real-IP": "203.0.113.9"}, {"X-Forwarded-Proto": "https"},
        {"Host": "evil.example@127.0.0.1"}, {"Host": "127.0.0.1:8000:9"}, {"Host": "127.0.0.1\t"}, {"Host": "[::1"},
        {"Host": "127.0.0.1.evil.example"},
    ],
)  # fmt: skip
def test_a_local_proxys_visitors_get_no_session(app, headers):
    with TestClient(app, base_url="http://127.0.0.1:8000", client=HERE) as browser:
        answer = browser.get("/", headers=headers)
        assert answer.status_code == 200
        assert "set-cookie" not in answer.headers


def test_another_machines_browser_gets_no_session_by_naming_a_loopback_host(app):
    with TestClient(app, base_url="http://127.0.0.1:8000", client=("192.0.2.7", 50000)) as browser:
        assert "set-cookie" not in browser.get("/").headers


def test_a_proxy_that_speaks_http_1_0_gets_no_session(live):
    # nginx's `proxy_pass` as it comes: no header of its own, Host of the upstream
    address = live.base_url.host, live.base_url.port
    with socket.create_connection(address, timeout=10) as plain:
        plain.sendall(b"GET / HTTP/1.0\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n" % address[1])
        answer = b"".join(iter(lambda: plain.recv(65536), b""))
    assert b" 200 " in answer.splitlines()[0]
    assert b"set-cookie" not in answer.lower()


def test_unknown_paths_and_methods_are_problems(client):
    assert_problem(client.get("/v1/nothing"), 404, "not_found")
    assert_problem(client.put("/v1/jobs"), 405, "method_not_allowed")


def test_every_reference_of_the_openapi_document_leads_to_a_schema(client):
    document = client.get("/openapi.json").json()
    references = set(re.findall(r'"(#/[^"]+)"', json.dumps(document)))
    assert len(references) > 10
    for reference in references:
        node = document
        for name in reference.removeprefix("#/").split("/"):
            node = node[name]


def test_openapi_names_the_raw_bodies(client):
    document = client.get("/openapi.json").json()
    content = document["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]
    assert {"application/zip", "application/dicom", "application/octet-stream", "application/json"} <= set(content)


def test_gateway_holds_no_model_runtime():
    code = "import sys, services.api.app; sys.exit('onnxruntime' in sys.modules)"
    assert subprocess.run([sys.executable, "-P", "-c", code], check=False).returncode == 0


def test_no_pattern_of_another_resource_is_before_a_route(app):
    routes = list(api_routes(app.routes))
    for route in routes:
        own = {method for other in routes if other.path == route.path for method in other.methods or ()}
        assert set(methods(app.routes, re.sub(r"\{\w+\}", "1", route.path))) == own, route.path
