"""No route answers 500, whatever a text, a number, a header or a body holds; on both databases."""

import json
import re

import jwt
import pytest
from fastapi.testclient import TestClient

from services.api.app import create_app
from services.api.problems import api_routes
from services.api.routes.oauth import ASSERTION
from shared.imaging.phantoms import abdomen
from shared.ledger import api_keys, open_ledger
from tests.services.api.conftest import KEY
from tests.services.api.dicomweb.conftest import content_type, multipart, with_uid
from tests.support import contracts
from tests.support.scans import small_grid, write_dicom

TEXTS = ["%00", "a%00b", "%ED%A0%80", "%FF", "9" * 400, "-1", "1e999", "%0A", "%2e%2e", "'%22", "%F0%9F%98%80" * 30]
STRINGS = ["\0", "a\0b", "\ud800", "9" * 5000, "\n", "'\"", "\U0001f600" * 50, "https://hook.example/\0", ""]
HEADERS = [
    {"Host": "[::1"}, {"Host": "a b"}, {"Host": "x" * 300}, {"Host": "@"}, {"Host": "[v1.x]:99999999"},
    {"Origin": "http://["}, {"Origin": "null"}, {"Range": "bytes=0-" + "9" * 4400}, {"Range": "bytes=-" + "9" * 4400},
    {"Range": "bytes=٣-"}, {"If-None-Match": '"' * 50}, {"Accept": "\x00,;=;q=nan"}, {"Accept": ";;;,,," * 20},
    {"Accept": "multipart/related; type=\xff; q=1e999"}, {"Content-Type": "multipart/related; boundary="},
    {"Content-Length": "0"}, {"Last-Event-ID": "9" * 18}, {"Idempotency-Key": "\x00\xff"},
    {"Content-Digest": "sha-256=:=:"},
    {"Cookie": "viscera_session=\xff; viscera_oidc=a.b.c"}, {"Authorization": "Bearer \xff.\xff.\xff"},
]  # fmt: skip
NESTED = [
    {"00404021": {"vr": "SQ", "Value": [{"00100010": {}}]}}, {"00100010": {"vr": "PN", "Value": [{"Alphabetic": 7}]}},
    {"00100010": {"vr": "PN", "Value": [{"x><script>": "a^b"}]}}, {"00741204": {"vr": "LO", "Value": ["\0"]}},
    {"00741204": {"vr": "LO", "Value": ["\ud800"]}}, {"00741204": {"vr": "LO", "Value": [[["x"]]]}},
    {"00741204": {"vr": "\0", "Value": ["x"]}}, {"00404021": {"vr": "SQ", "Value": [{"zz": {"vr": "LO"}}]}},
    {"00741202": {"vr": "DS", "Value": [float("nan")]}}, {"00741202": {"vr": "IS", "Value": [10**400]}},
    {"00404021": {"vr": "OB", "InlineBinary": 7}}, {"00741204": {"vr": "LO", "Value": ["\uffff\x01"]}},
]  # fmt: skip
VALID = {
    "00741200": {"vr": "CS", "Value": ["MEDIUM"]}, "00741204": {"vr": "LO", "Value": ["step"]},
    "00741202": {"vr": "LO", "Value": ["list"]}, "00404041": {"vr": "CS", "Value": ["READY"]},
    "00404005": {"vr": "DT", "Value": ["20260101"]}, "00741000": {"vr": "CS", "Value": ["SCHEDULED"]},
}  # fmt: skip


@pytest.fixture(params=["sqlite", "postgresql"])
def known(request, settings):
    """A caller who may do everything, on a ledger of each kind."""
    url = settings.ledger_url
    if request.param == "postgresql":
        url = contracts.create_database(request.getfixturevalue("postgresql"))
    ledger = open_ledger(url)
    ledger.migrate()
    with ledger.write() as connection:
        api_keys.add_key(connection, KEY, "default")
    ledger.close()
    given = settings.model_copy(
        update={"ledger_url": url, "public_url": "https://viscera.example", "requests_per_minute": 0}
    )
    app = create_app(given)
    with TestClient(app, raise_server_exceptions=False, follow_redirects=False) as made:
        made.headers["Authorization"] = f"Bearer {KEY}"
        yield made, [route for route in api_routes(app.routes) if not route.path.startswith("/readyz")]


def requests(routes):
    for route in routes:
        for method in sorted(route.methods):
            yield method, route


def check(answer, *about):
    assert answer.status_code < 500, (*about, answer.status_code, answer.text)


def test_odd_texts_in_paths_and_queries(known):
    client, routes = known
    for method, route in requests(routes):
        for text in TEXTS:
            path = re.sub(r"\{[^}]*\}", text, route.path)
            body = {} if method in {"POST", "PUT"} else None
            check(client.request(method, path, json=body), method, path)
        names = [field.alias for field in route.dependant.query_params] or ["PatientName", "limit", "?"]
        for text in TEXTS[:4] + TEXTS[4:7] if "{" not in route.path else TEXTS[:2]:
            path = re.sub(r"\{[^}]*\}", "1", route.path) + "?" + "&".join(f"{name}={text}" for name in names)
            check(client.request(method, path), method, path)


def test_odd_headers(known):
    client, routes = known
    for method, route in requests(routes):
        path = re.sub(r"\{[^}]*\}", "1", route.path)
        for headers in HEADERS:
            raw = [(name.encode(), value.encode("utf-8", "surrogatepass")) for name, value in headers.items()]
            check(client.request(method, path, headers=raw), method, path, headers)


def test_odd_values_in_json(known):
    client, routes = known
    bodies = {
        "/v1/session": ("key",), "/v1/keys": ("name",), "/v1/webhooks": ("url",), "/v1/jobs": ("scan",),
        "/v1/scans": ("sha256",), "/v1/jobs/{job_id}/share": ("seconds",),
        "/v1/webhooks/{webhook_id}/rotate": ("overlap_seconds",),
    }  # fmt: skip
    for path, (field,) in bodies.items():
        values = [*STRINGS, 10**400, float("nan"), None, [], {}, True, -1]
        for value in values:
            content = json.dumps({field: value})
            for url in (path, path + "?upload=direct"):
                check(client.post(url, content=content, headers={"Content-Type": "application/json"}), path, value)
        for content in (b"\xff", b"[" * 60000, b'{"a":' * 10000, b'"\\ud800"', b"9" * 60000, b"", b"null"):
            check(client.post(path, content=content, headers={"Content-Type": "application/json"}), path, content[:20])
    assert {"POST " + path for path in bodies} <= {f"{m} {r.path}" for m, r in requests(routes)}


def test_odd_assertions(known):
    client, _ = known
    for text in STRINGS:
        claims = {"iss": text, "sub": text, "jti": text, "exp": 1}
        assertion = jwt.encode(claims, "k" * 32, "HS256", {"kid": text})
        form = {"grant_type": "client_credentials", "client_assertion": assertion, "client_assertion_type": ASSERTION}
        check(client.post("/v1/oauth/token", data=form), text)
        check(client.post("/v1/session", json={"key": assertion}), text)


def test_odd_workitems_are_refused_or_shown_and_never_break_the_list(known):
    client, _ = known
    for content in [VALID, *(VALID | odd for odd in NESTED)]:
        check(client.post("/dicom-web/workitems", content=json.dumps(content)), content)
    made = client.post("/dicom-web/workitems?1.2.3", content=json.dumps(VALID))
    assert made.status_code == 201
    for odd in NESTED:
        check(client.post("/dicom-web/workitems/1.2.3", content=json.dumps(odd)), odd)
        check(client.put("/dicom-web/workitems/1.2.3/state", content=json.dumps(odd)), odd)
    for accept in ("application/dicom+json", "multipart/related; type=application/dicom+xml"):
        answer = client.get("/dicom-web/workitems", headers={"Accept": accept})
        assert answer.status_code == 200
        assert b"script" not in answer.content


def test_odd_patients_are_stored_without_what_no_ledger_takes(known, tmp_path):
    client, _ = known
    folder = write_dicom(tmp_path / "series", abdomen(small_grid(shape=(2, 20, 24))).volume)
    files = [path.read_bytes() for path in sorted(folder.iterdir())]
    odd = with_uid(files[0], PatientID="a\0b", PatientName="x\0y")
    answer = client.post(
        "/dicom-web/studies", content=multipart([odd, files[1]]), headers={"Content-Type": content_type()}
    )
    assert answer.status_code == 200
    assert len(answer.json()["00081199"]["Value"]) == 2
    assert client.get("/dicom-web/studies?PatientID=ab").json()
