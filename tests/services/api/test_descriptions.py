"""People name jobs, tag and review them, and find them again; guests see none of it."""

from datetime import datetime

import pytest

from tests.services.api.conftest import outlined
from tests.services.api.test_jobs import assert_problem
from tests.services.mesher.shapes import ball, labels


@pytest.fixture
def job(client, scan):
    return client.post("/v1/jobs", content=scan).json()["id"]


def found(client, query):
    return [item["id"] for item in client.get(f"/v1/jobs?{query}").json()["items"]]


def test_what_people_write_is_part_of_the_job(client, job):
    first = client.patch(f"/v1/jobs/{job}", json={"name": "Case 7", "tags": ["liver"]}).json()
    assert (first["name"], first["tags"], first["review"], first["note"]) == ("Case 7", ["liver"], "unread", "")
    second = client.patch(f"/v1/jobs/{job}", json={"review": "needs_correction", "note": "left lobe"}).json()
    assert (second["name"], second["review"], second["note"]) == ("Case 7", "needs_correction", "left lobe")
    assert client.get(f"/v1/jobs/{job}").json() == second
    assert (second["state"], second["stage"]) == ("queued", "classifier")


def test_a_review_says_who_and_when_until_the_job_is_unread_again(client, ledger, job):
    before = client.patch(f"/v1/jobs/{job}", json={"name": "Case 7"}).json()
    assert (before["reviewed_by"], before["reviewed_at"]) == ("", None)
    reviewed = client.patch(f"/v1/jobs/{job}", json={"review": "accepted"}).json()
    [entry] = [item for item in client.get("/v1/audit").json()["items"] if item["action"] == "review accepted"]
    assert reviewed["reviewed_by"] == entry["actor"]
    age = datetime.fromisoformat(entry["at"]) - datetime.fromisoformat(reviewed["reviewed_at"])
    assert abs(age.total_seconds()) < 5
    again = client.patch(f"/v1/jobs/{job}", json={"note": "seen"}).json()
    assert (again["reviewed_by"], again["reviewed_at"]) == (reviewed["reviewed_by"], reviewed["reviewed_at"])
    unread = client.patch(f"/v1/jobs/{job}", json={"review": "unread"}).json()
    assert (unread["reviewed_by"], unread["reviewed_at"]) == ("", None)


def test_jobs_are_found_by_words_and_by_fields(client, scan, job):
    other = client.post("/v1/jobs", content=scan).json()["id"]
    client.patch(f"/v1/jobs/{job}", json={"name": "Case 7", "tags": ["liver", "trial"], "review": "accepted"})
    assert (
        found(client, "q=case+7") == found(client, "tag=liver&tag=trial") == found(client, "review=accepted") == [job]
    )
    assert found(client, "review=unread") == found(client, f"q={other[-10:]}") == [other]
    assert found(client, "q=spleen") == []
    assert found(client, "q=") == [other, job]


def test_pages_of_a_search_follow_one_another(client, scan):
    sent = [client.post("/v1/jobs", content=scan).json()["id"] for _ in range(4)]
    for job in sent[:3]:
        client.patch(f"/v1/jobs/{job}", json={"tags": ["trial"]})
    first = client.get("/v1/jobs?tag=trial&limit=2").json()
    rest = client.get(f"/v1/jobs?tag=trial&limit=2&cursor={first['next']}").json()
    assert [item["id"] for item in first["items"] + rest["items"]] == sent[2::-1]
    assert rest["next"] is None


def test_a_guest_sees_and_finds_nothing_of_what_people_wrote(client, live, job):
    written = {"name": "Case 7", "note": "personal", "tags": ["x"], "review": "accepted"}
    client.patch(f"/v1/jobs/{job}", json=written)
    token = client.post(f"/v1/jobs/{job}/share", json={"seconds": 600}).json()["token"]
    guest = {"Authorization": f"Bearer {token}"}
    seen = live.get(f"/v1/jobs/{job}", headers=guest).json()
    assert (seen["name"], seen["note"], seen["tags"], seen["review"]) == ("", "", [], "unread")
    assert (seen["reviewed_by"], seen["reviewed_at"]) == ("", None)
    listed = [live.get(f"/v1/jobs?q={word}", headers=guest).json() for word in ("personal", "nothing")]
    assert listed[0] == listed[1]
    assert live.patch(f"/v1/jobs/{job}", headers=guest, json={"name": "mine"}).status_code == 403


def test_a_review_is_in_the_audit_and_no_text_is(client, job):
    client.patch(f"/v1/jobs/{job}", json={"name": "Secret Name", "review": "accepted"})
    client.patch(f"/v1/jobs/{job}", json={"note": "Secret Note"})
    audit = client.get("/v1/audit").text
    assert "review accepted" in audit
    assert "describe" in audit
    assert "Secret" not in audit


@pytest.mark.parametrize(
    "change",
    [
        {"name": "x" * 201}, {"note": "x" * 4001}, {"tags": ["two words"]}, {"tags": [""]}, {"tags": ["x"] * 21},
        {"review": "fine"}, {"state": "succeeded"}, [], {"name": 7},
    ],
)  # fmt: skip
def test_other_changes_are_refused(client, job, change):
    assert_problem(client.patch(f"/v1/jobs/{job}", json=change), 422, "invalid_request")


def test_a_foreign_job_is_not_found(stranger, job):
    assert_problem(stranger.patch(f"/v1/jobs/{job}", json={"name": "mine"}), 404, "not_found")


def test_jobs_are_found_by_the_warnings_of_their_newest_result(client, stranger, runner, tmp_path, scan):
    shape = (20, 24, 28)
    inside = outlined(client, runner, tmp_path, scan, labels(ball(shape, (10, 12, 14), 7)))
    cut = outlined(client, runner, tmp_path, scan, labels(ball(shape, (10, 12, 2), 7)))
    for job in (inside, cut):
        runner.run(job)
    assert found(client, "warning=touches_border") == [cut]
    assert found(client, "warning=touches_border&q=nothing") == []
    assert found(client, "warning=absent") == [cut, inside], "two of three organs are in neither"
    assert found(client, "warning=no_such_code") == found(stranger, "warning=touches_border") == []
    assert_problem(client.get("/v1/jobs?warning=%27%3B"), 422, "invalid_request")
    etag = client.head(f"/v1/jobs/{cut}/labels.nii.gz").headers["etag"]
    edit = {"edits": [{"kind": "erase", "label": 1}]}
    assert client.patch(f"/v1/jobs/{cut}/labels.nii.gz", json=edit, headers={"If-Match": etag}).status_code == 202
    runner.run_file(cut)
    assert found(client, "warning=touches_border") == []
    assert found(client, "warning=no_organs") == [cut]
