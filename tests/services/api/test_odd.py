"""No route answers 500, whatever a text, a number, a header or a body holds; on both databases."""

import json

import jwt
import pytest
from fastapi.testclient import TestClient

from services.api.app import create_app
from services.api.problems import api_routes
from services.api.routes.oauth import ASSERTION
from shared.imaging.phantoms import abdomen
from shared.ledger import api_keys, open_ledger
from tests.services.api.conftest import KEY
from tests.support import contracts, odd
from tests.support.multipart import content_type, multipart, with_uid
from tests.support.scans import small_grid, write_dicom


@pytest.fixture(params=["sqlite", "postgresql"])
def known(request, settings):
    """A caller who may do everything, on a ledger of each kind."""
    url = settings.ledger_url
    if request.param == "postgresql":
        url = contracts.postgresql_url(request.getfixturevalue("postgresql"))
    ledger = open_ledger(url)
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


def check(answer, *about):
    assert answer.status_code < 500, (*about, answer.status_code, answer.text)


def test_odd_texts_in_paths_and_queries(known):
    client, routes = known
    for method, route in odd.methods(routes):
        for text in odd.TEXTS:
            path = odd.filled(route.path, text)
            body = {} if method in {"POST", "PUT"} else None
            check(client.request(method, path, json=body), method, path)
        for text in odd.TEXTS[:7] if "{" not in route.path else odd.TEXTS[:2]:
            path = odd.filled(route.path, "1") + "?" + "&".join(f"{name}={text}" for name in odd.query_names(route))
            check(client.request(method, path), method, path)


def test_odd_headers(known):
    client, routes = known
    for method, route in odd.methods(routes):
        path = odd.filled(route.path, "1")
        for headers in odd.HEADERS:
            check(client.request(method, path, headers=odd.encoded(headers)), method, path, headers)


def test_odd_values_in_json(known):
    client, routes = known
    for path, field in odd.FIELDS.items():
        for value in odd.VALUES:
            content = json.dumps({field: value})
            for url in (path, path + "?upload=direct"):
                check(client.post(url, content=content, headers={"Content-Type": "application/json"}), path, value)
        for content in odd.JSON:
            check(client.post(path, content=content, headers={"Content-Type": "application/json"}), path, content[:20])
    there = {f"{method} {route.path}" for method, route in odd.methods(routes)}
    assert {"POST " + path for path in odd.FIELDS} <= there


def test_odd_values_in_xml(known):
    client, routes = known
    for method, route in odd.methods(routes):
        for content in odd.XML if method in {"POST", "PUT"} else ():
            for kind in ("application/dicom+xml", "multipart/related; type=application/dicom+xml; boundary=x"):
                path = odd.filled(route.path, "1.2.3")
                check(client.request(method, path, content=content, headers={"Content-Type": kind}), path, content[:20])


def test_odd_assertions(known):
    client, _ = known
    for text in odd.STRINGS:
        claims = {"iss": text, "sub": text, "jti": text, "exp": 1}
        assertion = jwt.encode(claims, "k" * 32, "HS256", {"kid": text})
        form = {"grant_type": "client_credentials", "client_assertion": assertion, "client_assertion_type": ASSERTION}
        check(client.post("/v1/oauth/token", data=form), text)
        check(client.post("/v1/session", json={"key": assertion}), text)


def test_odd_workitems_are_refused_or_shown_and_never_break_the_list(known):
    client, _ = known
    for content in [odd.VALID, *(odd.VALID | part for part in odd.NESTED)]:
        check(client.post("/dicom-web/workitems", content=json.dumps(content)), content)
    made = client.post("/dicom-web/workitems?1.2.3", content=json.dumps(odd.VALID))
    assert made.status_code == 201
    for part in odd.NESTED:
        check(client.post("/dicom-web/workitems/1.2.3", content=json.dumps(part)), part)
        check(client.put("/dicom-web/workitems/1.2.3/state", content=json.dumps(part)), part)
    for accept in ("application/dicom+json", "multipart/related; type=application/dicom+xml"):
        answer = client.get("/dicom-web/workitems", headers={"Accept": accept})
        assert answer.status_code == 200
        assert b"script" not in answer.content


def test_odd_patients_are_stored_without_what_no_ledger_takes(known, tmp_path):
    client, _ = known
    folder = write_dicom(tmp_path / "series", abdomen(small_grid(shape=(2, 20, 24))).volume)
    files = [path.read_bytes() for path in sorted(folder.iterdir())]
    first = with_uid(files[0], PatientID="a\0b", PatientName="x\0y")
    answer = client.post(
        "/dicom-web/studies", content=multipart([first, files[1]]), headers={"Content-Type": content_type()}
    )
    assert answer.status_code == 200
    assert len(answer.json()["00081199"]["Value"]) == 2
    assert client.get("/dicom-web/studies?PatientID=ab").json()
