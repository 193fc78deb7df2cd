"""Files of a job: ETag, Range, HEAD, and a clear 409 while there is none."""

import json

import pytest

from shared.ledger import claims, jobs, open_ledger
from shared.storage.base import sha256
from shared.storage.connect import open_store
from tests.services.api.test_jobs import assert_problem

CONTENT = bytes(range(256)) * 20

MADE = ("model.glb", "model.meshopt.glb", "model.quantized.glb", "model.lod.glb", "report.json")


@pytest.fixture
def done(client, scan, settings, tmp_path) -> str:
    """A job whose mesher published a GLB and a report."""
    job_id = client.post("/v1/jobs", content=scan).json()["id"]
    ledger, store = open_ledger(settings.ledger_url), open_store(settings.store_url)
    for stage in jobs.STAGES:
        outputs = []
        with ledger.write() as connection:
            claim = claims.claim(connection, job_id, stage, "w")
        for name in MADE if stage == "mesher" else ():
            path = tmp_path / name
            path.write_bytes(CONTENT if name == "model.glb" else json.dumps({"name": name}).encode())
            outputs.append(jobs.Artifact(claim.stage, name, claim.prefix + name, sha256(path), path.stat().st_size))
            store.put(outputs[-1].key, path)
        with ledger.write() as connection:
            claims.complete(connection, claim, outputs)
    return f"/v1/jobs/{job_id}"


def test_file_comes_whole_with_etag_type_and_length(client, done):
    answer = client.get(done + "/model.glb")
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["content-type"] == "model/gltf-binary"
    assert answer.headers["content-length"] == str(len(CONTENT))
    assert answer.headers["accept-ranges"] == "bytes"
    head = client.head(done + "/model.glb")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == answer.headers["etag"]
    assert head.headers["content-length"] == str(len(CONTENT))


def test_a_file_the_client_has_is_not_sent_again(client, done):
    etag = client.get(done + "/model.glb").headers["etag"]
    for known in (etag, f'"x", W/{etag}'):
        answer = client.get(done + "/model.glb", headers={"If-None-Match": known})
        assert (answer.status_code, answer.content) == (304, b"")
    assert client.get(done + "/model.glb", headers={"If-None-Match": '"x"'}).status_code == 200


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("bytes=0-9", 0, 10), ("bytes=5000-", 5000, 5120), ("bytes=-7", 5113, 5120), ("bytes=5000-99999", 5000, 5120)],
)
def test_ranges_are_answered_in_part(client, done, asked, start, stop):
    answer = client.get(done + "/model.glb", headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, CONTENT[start:stop])
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/5120"


def test_unfit_ranges(client, done):
    assert_problem(client.get(done + "/model.glb", headers={"Range": "bytes=5120-"}), 416, "bad_range")
    assert client.get(done + "/model.glb", headers={"Range": "bytes=0-1,4-5"}).content == CONTENT
    assert client.get(done + "/model.glb", headers={"Range": "bytes=0-1", "If-Range": '"old"'}).content == CONTENT


def test_compressed_variant_is_another_file(client, done):
    answer = client.get(done + "/model.glb?compression=meshopt")
    assert answer.json() == {"name": "model.meshopt.glb"}
    assert client.get(done + "/model.glb?compression=quantized").json() == {"name": "model.quantized.glb"}
    assert client.get(done + "/model.glb?lod=true").json() == {"name": "model.lod.glb"}
    assert_problem(client.get(done + "/model.glb?compression=zip"), 422, "invalid_request")


def test_links_name_the_files_that_are_there(client, done):
    links = client.get(done).json()["links"]
    assert set(links) == {"self", "events", "revisions", "model.glb", "report.json", "report.pdf"}
    assert client.get(links["report.json"]).status_code == 200


def test_a_file_that_is_not_there_yet_or_never_is_a_conflict(client, scan):
    job = client.post("/v1/jobs", content=scan).json()
    assert_problem(client.get(f"/v1/jobs/{job['id']}/model.glb"), 409, "not_ready")
    client.post(job["links"]["cancel"])
    assert_problem(client.get(f"/v1/jobs/{job['id']}/model.glb"), 409, "job_cancelled")


def test_unknown_files_and_internal_ones_are_not_found(client, done):
    for name in ("volume.npz", "facts.segmenter.json", "model.exe", "model.meshopt.glb"):
        assert_problem(client.get(f"{done}/{name}"), 404, "not_found")


@pytest.mark.parametrize("asked", ["bytes=1-", "bytes=-7", "bytes=0-"])
def test_a_part_of_a_file_is_a_reading_too(client, done, asked):
    def read() -> list[str]:
        return [item["object"] for item in client.get("/v1/audit").json()["items"] if item["action"] == "read"]

    assert client.get(done + "/model.glb", headers={"Range": asked}).status_code in {200, 206}
    assert read() == [done.rpartition("/")[2]]
    assert client.get(done + "/report.json", headers={"Range": asked}).headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize("asked", ["bytes=0-" + "9" * 4400, "bytes=" + "9" * 4400 + "-", "bytes=\u0663-"])
def test_ranges_that_no_file_has_are_ignored(client, done, asked):
    assert client.get(done + "/model.glb", headers={"Range": asked.encode()}).status_code == 200
