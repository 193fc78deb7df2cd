"""Views of the model are saved with the job, within bounds, and a guest reads them."""

import pytest

from shared.ledger import saved_views
from tests.services.api.test_jobs import assert_problem

LOOK = {
    "camera": [10.0, -600.0, 40.0], "target": [10.0, -20.0, 40.0], "opacities": [{"label": 2, "opacity": 0.0}],
    "xray": True, "apart": 0.25, "cut": {"axis": "coronal", "part": 0.5}, "plane": "axial", "place": [1.0, 2.0, 3.0],
}  # fmt: skip


@pytest.fixture
def job(client, scan):
    """The path of a job."""
    return f"/v1/jobs/{client.post('/v1/jobs', content=scan).json()['id']}"


def put(client, job, wanted="view-0001", match=None, name="left kidney", **look):
    headers = {"If-Match": match} if match else {}
    return client.put(f"{job}/views/{wanted}", json={"name": name, "look": LOOK | look}, headers=headers)


def listed(client, job):
    return client.get(f"{job}/views").json()["items"]


def test_a_view_comes_back_as_it_was_saved(client, job):
    saved = put(client, job).json()
    assert (saved["name"], saved["look"]) == ("left kidney", LOOK)
    assert saved["saved_by"].startswith("key_")
    small = {"name": "camera only", "look": {"camera": [0, 0, 0], "target": [0, 0, 1]}}
    second = client.put(f"{job}/views/view-0002", json=small).json()
    assert (second["look"]["cut"], second["look"]["opacities"], second["look"]["xray"]) == (None, [], False)
    assert listed(client, job) == [saved, second]


def test_two_people_lose_nothing(client, job):
    first = put(client, job).json()
    assert put(client, job).json() == first, "a request that is sent again"
    second = put(client, job, match=first["etag"], name="kidney").json()
    assert_problem(put(client, job, match=first["etag"], xray=False), 412, "view_changed")
    assert_problem(put(client, job, xray=False), 412, "view_changed")
    assert listed(client, job) == [second]
    assert client.delete(f"{job}/views/view-0001").status_code == 204
    assert_problem(client.delete(f"{job}/views/view-0001"), 404, "not_found")


def test_other_requests_are_refused(client, job):
    for change in (
        {"camera": [0, 0]}, {"camera": [0, 0, 1e9]}, {"apart": 1.1}, {"cut": {"axis": "oblique", "part": 0.5}},
        {"opacities": [{"label": 0, "opacity": 1}]}, {"opacities": [{"label": 1, "opacity": 1}] * 1001},
        {"colour": "red"}, {"plane": "none"}, {"opacities": [{"label": 1.5, "opacity": 1}]},
        {"opacities": [{"label": "1", "opacity": 1}]}, {"apart": "0.5"}, {"apart": True}, {"xray": 1},
        {"cut": {"axis": "axial", "part": "0.5"}},
    ):  # fmt: skip
        assert_problem(put(client, job, **change), 422, "invalid_request")
    for name in ("", "x" * 101, "two\nlines"):
        assert_problem(put(client, job, name=name), 422, "invalid_request")
    assert listed(client, job) == []


def test_a_whole_number_may_have_a_point(client, job):
    saved = put(client, job, opacities=[{"label": 72.0, "opacity": 0}])
    assert saved.json()["look"]["opacities"] == [{"label": 72, "opacity": 0}]


def test_the_number_of_views_is_bounded(client, job, monkeypatch):
    monkeypatch.setattr(saved_views, "MOST", 1)
    put(client, job)
    assert_problem(put(client, job, "view-0002"), 429, "quota_views")


def test_a_guest_reads_and_changes_nothing_and_strangers_see_nothing(client, live, stranger, job):
    put(client, job)
    token = client.post(f"{job}/share", json={"seconds": 600}).json()["token"]
    guest = {"Authorization": f"Bearer {token}"}
    assert [one["name"] for one in live.get(f"{job}/views", headers=guest).json()["items"]] == ["left kidney"]
    path = f"{job}/views/view-0001"
    body = {"name": "x", "look": LOOK}
    assert live.put(path, headers=guest, json=body).status_code == 403
    assert live.delete(path, headers=guest).status_code == 403
    for answer in (stranger.get(f"{job}/views"), stranger.put(path, json=body), stranger.delete(path)):
        assert_problem(answer, 404, "not_found")


def test_changes_are_in_the_audit_and_no_name_is(client, job, caplog):
    put(client, job, name="Canary^Name")
    client.delete(f"{job}/views/view-0001")
    audit = client.get("/v1/audit").json()["items"]
    assert {"save_view", "delete_view"} <= {entry["action"] for entry in audit}
    assert "Canary" not in str(audit)
    assert "Canary" not in caplog.text
