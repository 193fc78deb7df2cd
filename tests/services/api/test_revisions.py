"""Corrected outlines become the next revision of a result; the job and the algorithm's result stay as they are."""

import gzip
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from sqlalchemy import select

from services.mesher import outputs
from services.mesher.provenance import provenance_of
from shared import artifacts, sandbox
from shared.imaging.volume import LabelMap
from shared.ledger import api_keys, audit, claims, revisions
from shared.ledger.tables import pending_puts
from shared.sandbox import correction
from tests.services.api.conftest import KEY
from tests.services.api.test_jobs import assert_problem
from tests.services.api.test_on_request import while_waiting
from tests.services.mesher.shapes import ball, labels

BALL = labels(ball((20, 24, 28), (10, 12, 14), 7))
CENTRE = [14, 12, 10]
"""Column, row, slice of the ball's middle."""
SECOND = {"edits": [{"kind": "relabel", "at": CENTRE, "label": 3}]}


@pytest.fixture(autouse=True)
def in_this_process(request, monkeypatch):
    """Run the code of the sandbox's child here, which is quicker; the tests of the sandbox start a child."""

    start_child = sandbox._ask

    def ask(asked, seconds):
        if asked.get("call") != "correct":
            return start_child(asked, seconds)
        return correction.correct(lambda _: None, lambda _: None, 0, asked["arguments"])

    if request.node.originalname != "test_a_label_map_that_is_put_becomes_the_next_revision":
        monkeypatch.setattr(sandbox, "_ask", ask)


def etag(client, job, revision=""):
    return client.head(f"/v1/jobs/{job}/labels.nii.gz{revision}").headers["etag"]


def packed(tmp_path, data, geometry=BALL.geometry):
    path = tmp_path / "packed.nii.gz"
    artifacts.save_labels(path, LabelMap(np.asarray(data, np.uint8), geometry))
    return path.read_bytes()


def put(client, job, content, match=None, **headers):
    match = etag(client, job) if match is None else match
    return client.put(f"/v1/jobs/{job}/labels.nii.gz", content=content, headers={"If-Match": match, **headers})


def patch(client, job, body, match=None):
    match = etag(client, job) if match is None else match
    return client.patch(f"/v1/jobs/{job}/labels.nii.gz", json=body, headers={"If-Match": match})


def decoded(client, job, revision):
    content = client.get(f"/v1/jobs/{job}/labels.nii.gz?revision={revision}").content
    image = nib.Nifti1Image.from_bytes(gzip.decompress(content))
    return np.asarray(image.dataobj).T


def corrected():
    data = BALL.data.copy()
    data[:11][data[:11] > 0] = 3
    return data


def listed(client, job):
    return client.get(f"/v1/jobs/{job}/revisions").json()["items"]


def written(client, runner, job, name):
    def work():
        runner.run_file(job)
        return False

    return while_waiting(client, f"/v1/jobs/{job}/{name}", work)


def store_keys(runner, job):
    return [key for key in list(runner.store.keys()) if job in key]


def test_a_label_map_that_is_put_becomes_the_next_revision(client, runner, done, tmp_path):
    first = {name: client.get(f"/v1/jobs/{done}/{name}") for name in ("model.glb", "report.json", "labels.nii.gz")}
    before = client.get(f"/v1/jobs/{done}").json()
    answer = put(client, done, packed(tmp_path, corrected()))
    assert (answer.status_code, answer.json()["revision"], answer.json()["state"]) == (202, 2, "succeeded")
    assert client.get(f"/v1/jobs/{done}").json() == before
    assert etag(client, done, "?revision=2") == answer.headers["etag"]
    runner.run_file(done)
    after = client.get(f"/v1/jobs/{done}").json()
    assert after == before | {"revision": 2}
    assert np.array_equal(decoded(client, done, 2), corrected())
    newest = client.get(f"/v1/jobs/{done}/model.glb")
    assert (
        newest.content
        == outputs.write_outputs(
            replace(BALL, data=corrected()),
            files=["model.glb"],
            provenance=provenance_of(artifacts.Facts(source="nifti", modality="MR")),
        )["model.glb"]
    )
    for name, earlier in first.items():
        again = client.get(f"/v1/jobs/{done}/{name}?revision=1")
        assert (again.content, again.headers["etag"]) == (earlier.content, earlier.headers["etag"])
        assert client.get(f"/v1/jobs/{done}/{name}").headers["etag"] != earlier.headers["etag"]


def preview(client, job, body, match=None):
    match = etag(client, job) if match is None else match
    return client.post(f"/v1/jobs/{job}/labels/preview", json=body, headers={"If-Match": match})


def test_a_preview_is_what_the_same_edits_then_save_and_saves_nothing(client, runner, done):
    body = {
        "edits": [
            {"kind": "paint", "label": 3, "runs": [[0, 40]]},
            {"kind": "smooth", "label": 1, "mm": 2.5},
            {"kind": "fill", "label": 1, "slices": [3, 9], "axis": "row"},
            {"kind": "islands", "label": 3, "below_ml": 0.001},
            {"kind": "erase", "label": 1, "slices": [9, 9]},
            {"kind": "interpolate", "label": 1, "at": [[14, 12, 8], [14, 12, 10]]},
        ]
    }
    bad = {"edits": [{"kind": "interpolate", "label": 1, "at": [[14, 12, 8], [0, 0, 10]]}]}
    assert_problem(preview(client, done, bad), 422, "bad_edit")
    stored = store_keys(runner, done)
    seen = preview(client, done, body)
    assert (seen.status_code, seen.headers["content-type"]) == (200, "application/gzip")
    assert (store_keys(runner, done), len(listed(client, done))) == (stored, 1)
    match = etag(client, done)
    assert patch(client, done, body).json()["revision"] == 2
    saved = client.get(f"/v1/jobs/{done}/labels.nii.gz?revision=2").content
    assert gzip.decompress(seen.content) == gzip.decompress(saved)
    assert listed(client, done)[1]["kinds"] == [edit["kind"] for edit in body["edits"]]
    assert_problem(preview(client, done, body, match), 412, "revision_changed")
    assert_problem(client.post(f"/v1/jobs/{done}/labels/preview", json=body), 428, "if_match_required")
    with runner.ledger.read() as connection:
        noted = [entry.action for entry in audit.records(connection, "default") if entry.object == done]
    assert "read" in noted[: noted.index("revise")]


def test_the_report_says_who_edited_what_and_when(client, runner, done):
    answer = patch(client, done, {"edits": [*SECOND["edits"], {"kind": "paint", "label": 1, "runs": [[0, 5]]}]})
    runner.run_file(done)
    report = client.get(f"/v1/jobs/{done}/report.json").json()
    with runner.ledger.read() as connection:
        actor = api_keys.caller(connection, KEY).key_id
        records = [
            (entry.actor, entry.object) for entry in audit.records(connection, "default") if entry.action == "revise"
        ]
    voxels = int((BALL.data == 1).sum())
    assert (answer.status_code, report["revision"], report["edit"]["base"]) == (202, 2, 1)
    assert (report["edit"]["edited_by"], report["edit"]["kinds"]) == (actor, ["relabel", "paint"])
    assert report["edit"]["voxels_changed"] == [
        {"label": 1, "name": "stomach", "added": 5, "removed": voxels},
        {"label": 3, "name": "large_bowel", "added": voxels, "removed": 0},
    ]
    assert report["edit"]["edited_at"] == listed(client, done)[1]["edited_at"]
    assert records == [(actor, done)]
    first = client.get(f"/v1/jobs/{done}/report.json?revision=1").json()
    assert (first["revision"], first["edit"]) == (1, None)


def test_files_on_request_belong_to_their_revision(client, runner, done):
    first = written(client, runner, done, "model.stl").content
    patch(client, done, {"edits": [{"kind": "erase", "label": 1, "slices": [0, 9]}]})
    model = written(client, runner, done, "model.glb?revision=2")
    assert (model.status_code, model.content[:4]) == (200, b"glTF"), "it was waited for"
    path = f"/v1/jobs/{done}/model.stl"
    answers = [written(client, runner, done, f"model.stl{query}") for query in ("?revision=2", "")]
    assert answers[0].content == answers[1].content != first
    assert answers[0].headers["etag"] == answers[1].headers["etag"]
    part = client.get(path, headers={"Range": "bytes=0-9"})
    assert (part.status_code, part.content) == (206, answers[0].content[:10])
    assert client.get(f"{path}?revision=1").content == first


def test_the_second_of_two_people_gets_412_and_what_changed(client, runner, done, tmp_path):
    match = etag(client, done)
    with runner.ledger.write() as connection:
        api_keys.add_key(connection, "vsk_second", "default")
        actor = api_keys.caller(connection, KEY).key_id
    newest = patch(client, done, SECOND, match).headers["etag"]
    answer = client.put(
        f"/v1/jobs/{done}/labels.nii.gz", content=packed(tmp_path, corrected()),
        headers={"If-Match": match, "Authorization": "Bearer vsk_second"},
    )  # fmt: skip
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (412, "revision_changed")
    assert (problem["revision"], problem["etag"], problem["edited_by"]) == (2, newest, actor)
    assert problem["edited_at"] == listed(client, done)[1]["edited_at"]
    assert {change["label"] for change in problem["changed"]} == {1, 3}
    assert [entry["revision"] for entry in listed(client, done)] == [1, 2]


def test_a_request_that_changes_nothing_makes_none_and_one_that_is_repeated_one(client, runner, done, tmp_path):
    answer = put(client, done, packed(tmp_path, BALL.data))
    assert (answer.status_code, answer.json()["revision"], len(listed(client, done))) == (202, 1, 1)
    assert not [key for key in store_keys(runner, done) if "revisions" in key]
    match, content = etag(client, done), packed(tmp_path, corrected())
    first = put(client, done, content, match)
    for _ in range(2):
        again = put(client, done, content, match)
        assert (again.status_code, again.json()["revision"]) == (202, 2)
        assert again.headers["etag"] == first.headers["etag"]
        runner.run_file(done)
    other = put(client, done, packed(tmp_path, np.roll(corrected(), 1, 0)), match)
    assert_problem(other, 412, "revision_changed")
    assert len(listed(client, done)) == 2


def test_a_revision_builds_on_one_that_is_still_written(client, runner, done):
    newest = patch(client, done, SECOND).headers["etag"]
    answer = patch(client, done, {"edits": [{"kind": "paint", "label": 2, "runs": [[0, 1]]}]}, newest)
    assert (answer.status_code, answer.json()["revision"]) == (202, 3)
    assert listed(client, done)[2]["base"] == 2
    assert decoded(client, done, 3)[10, 12, 14] == 3


def test_what_is_no_correction_is_refused_and_leaves_nothing(client, runner, done, tmp_path):
    before = store_keys(runner, done)
    assert_problem(put(client, done, packed(tmp_path, corrected() * 7)), 422, "unknown_labels")
    assert_problem(put(client, done, b""), 422, "empty_body")
    assert_problem(patch(client, done, {"edits": [{"kind": "relabel", "at": [28, 0, 0], "label": 1}]}), 422, "bad_edit")
    for edit in (
        {"kind": "dilate", "label": 1},
        {"kind": "fill", "label": 1, "note": "x"},
        {"kind": "fill", "label": 256},
    ):
        assert_problem(patch(client, done, {"edits": [edit]}), 422, "invalid_request")
    assert_problem(patch(client, done, {"edits": []}), 422, "invalid_request")
    assert_nothing_remains(client, runner, done, before)


def assert_nothing_remains(client, runner, job, before):
    assert store_keys(runner, job) == before
    assert len(listed(client, job)) == 1
    with runner.ledger.read() as connection:
        assert connection.execute(select(pending_puts.c.prefix)).all() == []
    assert client.get(f"/v1/jobs/{job}").json()["revision"] == 1


def test_a_correction_names_what_it_corrects(client, done, tmp_path):
    content = packed(tmp_path, corrected())
    path = f"/v1/jobs/{done}/labels.nii.gz"
    assert_problem(client.put(path, content=content), 428, "if_match_required")
    assert_problem(client.patch(path, json=SECOND), 428, "if_match_required")
    assert_problem(put(client, done, content, "*"), 428, "if_match_required")
    assert_problem(put(client, done, content, f"W/{etag(client, done)}"), 428, "if_match_required")
    assert_problem(put(client, done, content, '"other"'), 412, "revision_changed")
    assert put(client, done, content, f'"other", {etag(client, done)}').status_code == 202
    html = {"Content-Type": "text/html"}
    assert_problem(put(client, done, content, etag(client, done, "?revision=2"), **html), 415, "unsupported_media_type")


def test_a_job_without_a_result_takes_no_correction(client, stranger, runner, job, tmp_path):
    content = packed(tmp_path, corrected())
    match = etag(client, job)
    assert_problem(put(client, job, content, match), 409, "not_ready")
    assert listed(client, job) == []
    runner.run(job)
    assert_problem(put(stranger, job, content, match), 404, "not_found")
    client.delete(f"/v1/jobs/{job}")
    assert_problem(put(client, job, content, match), 404, "not_found")


def test_a_revision_that_fails_three_times_leaves_the_job_as_it_was(client, runner, done, monkeypatch):
    def broken(_):
        raise RuntimeError("no")

    match, before = etag(client, done), client.get(f"/v1/jobs/{done}").json()
    patch(client, done, SECOND)
    monkeypatch.setitem(outputs._WRITERS, "report.json", broken)
    for _ in range(claims.ATTEMPTS):
        runner.run_file(done)
    monkeypatch.undo()
    assert client.get(f"/v1/jobs/{done}").json() == before
    assert (listed(client, done)[1]["state"], listed(client, done)[1]["error"]) == (
        "failed",
        {"code": "internal_error"},
    )
    assert_problem(client.get(f"/v1/jobs/{done}/model.glb?revision=2"), 409, "revision_failed")
    assert client.get(f"/v1/jobs/{done}/model.glb").status_code == 200
    again = patch(client, done, {"edits": [{"kind": "erase", "label": 1, "slices": [0, 9]}]}, match)
    assert (again.status_code, again.json()["revision"]) == (202, 3)


def test_the_list_has_the_algorithms_revision_first_and_links_to_each_file(client, runner, done):
    patch(client, done, SECOND)
    first, second = listed(client, done)
    assert (first["revision"], first["state"], first["edited_by"]) == (1, "succeeded", None)
    assert (second["state"], set(second["links"])) == ("queued", {"labels.nii.gz"})
    runner.run_file(done)
    assert client.get(f"/v1/jobs/{done}").json()["links"]["revisions"] == f"/v1/jobs/{done}/revisions"
    for entry in listed(client, done):
        assert {"model.glb", "report.json", "labels.nii.gz", "model.stl"} <= set(entry["links"])
        for name in ("model.glb", "labels.nii.gz"):
            assert client.head(entry["links"][name]).status_code == 200


def test_a_revision_may_have_no_organ_and_erasing_the_job_erases_every_revision(client, runner, done):
    patch(client, done, {"edits": [{"kind": "erase", "label": 1}]})
    runner.run_file(done)
    report = client.get(f"/v1/jobs/{done}/report.json").json()
    assert "no_organs" in {warning["code"] for warning in report["warnings"]}
    assert client.get(f"/v1/jobs/{done}/model.glb").content[:4] == b"glTF"
    patch(client, done, {"edits": [{"kind": "paint", "label": 3, "runs": [[0, 9]]}]})
    assert client.delete(f"/v1/jobs/{done}").status_code == 204
    assert store_keys(runner, done) == []
    with runner.ledger.read() as connection:
        assert revisions.of_job(connection, done) == []


def test_what_there_is_not_is_refused(client, done):
    for path in ("model.glb", "labels.nii.gz", "model.stl"):
        assert_problem(client.get(f"/v1/jobs/{done}/{path}?revision=2"), 404, "not_found")
    assert_problem(client.get(f"/v1/jobs/{done}/model.glb?revision=0"), 422, "invalid_request")
    path = f"/v1/jobs/{done}/labels.nii.gz"
    refused = client.post(path)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, PATCH, PUT")
    headers = {"If-Match": etag(client, done), "Content-Type": "application/json"}
    assert_problem(client.patch(path, content=b" " * (5 << 20), headers=headers), 413, "upload_too_large")
