"""Keys over HTTP and the trail of what was done with them."""

from fastapi.testclient import TestClient

from tests.services.api.test_jobs import assert_problem


def test_a_key_is_made_with_its_scopes_shown_once_and_revoked(app, client):
    made = client.post("/v1/keys", json={"name": "viewer", "scopes": ["jobs:read"], "seconds": 3600})
    assert made.status_code == 201
    with TestClient(app, headers={"Authorization": f"Bearer {made.json()['key']}"}) as viewer:
        assert viewer.get("/v1/jobs").status_code == 200
        assert_problem(viewer.post("/v1/jobs", content=b"x"), 403, "insufficient_scope")
        assert_problem(viewer.get("/v1/keys"), 403, "insufficient_scope")
        listed = {key["id"]: key for key in client.get("/v1/keys").json()["items"]}
        assert listed[made.json()["id"]]["key"] is None
        assert client.delete(f"/v1/keys/{made.json()['id']}").status_code == 204
        assert_problem(viewer.get("/v1/jobs"), 401, "unauthorized")


def test_nobody_makes_a_key_mightier_than_their_own(app, client):
    made = client.post("/v1/keys", json={"scopes": ["admin", "jobs:read"]}).json()
    with TestClient(app, headers={"Authorization": f"Bearer {made['key']}"}) as admin:
        assert_problem(admin.post("/v1/keys", json={"scopes": ["jobs:write"]}), 403, "insufficient_scope")
        assert admin.post("/v1/keys", json={"scopes": ["jobs:read"]}).status_code == 201
    assert_problem(client.post("/v1/keys", json={"scopes": ["everything"]}), 422, "invalid_request")


def test_another_tenants_keys_are_unknown(client, stranger):
    made = client.post("/v1/keys", json={}).json()
    assert_problem(stranger.delete(f"/v1/keys/{made['id']}"), 404, "not_found")
    assert made["id"] not in str(stranger.get("/v1/keys").json())


def test_the_trail_says_who_did_what_and_comes_as_fhir_too(client, stranger, scan):
    job = client.post("/v1/jobs", content=scan).json()
    client.delete(f"/v1/jobs/{job['id']}")
    items = client.get("/v1/audit").json()["items"]
    assert [(item["action"], item["object"]) for item in items] == [("create", job["id"]), ("delete", job["id"])]
    assert client.get("/v1/audit?limit=1").json()["next"] == 1
    assert [item["number"] for item in client.get("/v1/audit?after=1").json()["items"]] == [2]
    answer = client.get("/v1/audit?format=fhir")
    assert answer.headers["content-type"] == "application/fhir+json"
    events = [entry["resource"] for entry in answer.json()["entry"]]
    assert [event["action"] for event in events] == ["C", "D"]
    for event, item in zip(events, items, strict=True):
        assert event["resourceType"] == "AuditEvent"
        assert event["agent"][0]["who"]["identifier"]["value"] == item["actor"]
        assert event["entity"][0]["what"]["identifier"]["value"] == item["object"]
    assert stranger.get("/v1/audit").json()["items"] == []
