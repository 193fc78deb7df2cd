"""The trail tells every reading and every refusal, and an answer that it can't tell is not given."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from services.api import readings
from services.api.headers import DEFAULTS
from services.api.problems import api_routes
from shared.imaging.phantoms import abdomen
from shared.ledger import audit
from tests.services.api.conftest import KEY
from tests.services.api.test_jobs import assert_problem
from tests.services.api.test_matrix import OWN, PUBLIC, RULES
from tests.support.multipart import content_type, multipart
from tests.support.scans import small_grid, write_dicom

XML = "multipart/related; type=application/dicom+xml"


def trail(ledger, after=0):
    with ledger.read() as connection:
        return [(item.action, item.object, item.outcome) for item in audit.records(connection, "default", after)]


@pytest.fixture
def study(client, tmp_path):
    """A stored study, by the parts of its path."""
    folder = write_dicom(tmp_path / "series", abdomen(small_grid(shape=(2, 20, 24))).volume)
    files = [path.read_bytes() for path in sorted(folder.iterdir())]
    headers = {"Content-Type": content_type(), "Accept": "application/dicom+json"}
    answer = client.post("/dicom-web/studies", content=multipart(files), headers=headers).json()
    parts = answer["00081199"]["Value"][0]["00081190"]["Value"][0].split("/")
    return {"study": parts[-5], "series": parts[-3], "instance": parts[-1]}


def read_routes(app):
    """The routes that show something of a scan: every GET with a scope but those on the list."""
    for route in api_routes(app.routes):
        rule = RULES.get(f"GET {route.path}")
        if rule is not None and rule.scope not in {PUBLIC, OWN} and route.path not in readings.NO_CONTENT:
            yield route


def test_the_list_of_what_shows_nothing_has_no_stale_route(app):
    assert {route.path for route in api_routes(app.routes)} >= readings.NO_CONTENT


@pytest.mark.parametrize("accept", ["*/*", "application/dicom", XML])
def test_every_dicom_reading_is_a_record(app, client, ledger, study, accept):
    client.post("/dicom-web/workitems?1.2.3", json={
        "00741200": {"vr": "CS", "Value": ["MEDIUM"]}, "00741204": {"vr": "LO", "Value": ["step"]},
        "00741202": {"vr": "LO", "Value": ["list"]}, "00404041": {"vr": "CS", "Value": ["READY"]},
        "00404005": {"vr": "DT", "Value": ["20260101"]}, "00741000": {"vr": "CS", "Value": ["SCHEDULED"]},
    })  # fmt: skip
    job = client.post(f"/v1/dicom/series/{study['series']}/close").json()["attempts"][0]["job"]
    given = study | {"numbers": "1", "number": "1", "workitem": "1.2.3", "job_id": job}
    read = 0
    app_readings = [route for route in read_routes(app) if "dicom" in route.path]
    for route in app_readings:
        _forget(app)
        before = len(trail(ledger))
        answer = client.get(route.path.format(**given), headers={"Accept": accept})
        if answer.status_code == 200:
            read += 1
            (record,) = trail(ledger)[before:]
            assert record[0] in {"read", "search", "export"}
            assert record[1] in {study["study"], "1.2.3", job, route.path}
            assert record[2] == "success"
    assert read >= (8 if accept != "*/*" else len(app_readings))


def _forget(app):
    """Make the gateway forget what it recorded lately."""
    layer = app.middleware_stack
    while not isinstance(layer, readings.Readings):
        layer = layer.app
    layer.recent._until.clear()


def test_equal_readings_within_a_minute_are_one_record_and_others_are_their_own(client, ledger, study, monkeypatch):
    before = len(trail(ledger))
    path = "/dicom-web/studies/" + study["study"]
    for _ in range(5):
        assert client.get(path + "/metadata").status_code == 200
    assert client.get("/dicom-web/studies").status_code == 200
    assert trail(ledger)[before:] == [
        ("read", study["study"], "success"), ("search", "/dicom-web/studies", "success")
    ]  # fmt: skip


def test_what_somebody_is_refused_is_recorded_with_its_outcome(client, app, ledger):
    made = client.post("/v1/keys", json={"scopes": ["jobs:write"]}).json()
    before = len(trail(ledger))
    with TestClient(app, headers={"Authorization": f"Bearer {made['key']}"}) as writer:
        assert_problem(writer.get("/v1/jobs/job_x/report.json"), 403, "insufficient_scope")
        assert_problem(writer.post("/v1/jobs/job_x%00/cancel"), 404, "not_found")
        assert_problem(writer.post("/v1/keys", json={}), 403, "insufficient_scope")
    assert trail(ledger)[before:] == [
        ("read", "job_x", "refused"), ("cancel_job", "job_x", "refused"), ("create_key", "/v1/keys", "refused")
    ]  # fmt: skip
    with ledger.read() as connection:
        records = list(audit.records(connection, "default", before))
    assert {record.actor for record in records} == {made["id"]}


def test_a_reading_that_can_not_be_recorded_is_not_answered(client, ledger, study):
    with ledger.write() as connection:
        connection.execute(text("CREATE TRIGGER stop BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'locked'); END"))
    answer = client.get("/dicom-web/studies/" + study["study"] + "/metadata")
    assert answer.status_code >= 500
    assert b"00100010" not in answer.content


def test_every_answer_of_the_interface_has_the_safe_headers(app, client):
    for route in api_routes(app.routes):
        for method in route.methods:
            path = route.path.replace("{", "").replace("}", "")
            answer = client.request(method, path)
            assert answer.headers["x-content-type-options"] == "nosniff", path
            assert "default-src 'none'" in answer.headers["content-security-policy"] or path.endswith(".css")
            assert "cache-control" in answer.headers
            if "json" in answer.headers.get("content-type", "") and path != "/web.json":
                assert answer.headers["cache-control"] == "no-store", path
    assert set(DEFAULTS) == {
        "X-Content-Type-Options", "Content-Security-Policy", "Referrer-Policy", "Cross-Origin-Resource-Policy",
        "Cache-Control",
    }  # fmt: skip


def test_signing_out_clears_what_the_browser_kept(app):
    with TestClient(app) as browser:
        browser.post("/v1/session", json={"key": KEY})
        assert browser.delete("/v1/session").headers["clear-site-data"] == '"cache"'
