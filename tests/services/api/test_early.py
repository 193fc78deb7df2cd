"""Early outlines: streamed to those who ask, drawn on slices, and gone once the label map is complete."""

import gzip
import io
import threading

import cv2
import nibabel as nib
import numpy as np
import pytest

from services.api.early import StoredPart, slice_labels
from shared import artifacts
from shared.imaging.phantoms import abdomen
from shared.imaging.volume import LabelMap
from shared.ledger import claims, early, jobs
from shared.ledger.early import EarlyPart, Slab
from shared.storage.base import sha256
from shared.storage.connect import open_store
from tests.services.api.test_events import follow_into
from tests.services.api.test_jobs import assert_problem
from tests.support.scans import small_grid
from tests.support.waiting import until


@pytest.fixture(scope="module")
def phantom():
    return abdomen(small_grid())


@pytest.fixture
def claim(client, scan, settings, ledger, tmp_path, phantom):
    """The segmenter's claim of a job whose volume is there."""
    job_id = client.post("/v1/jobs", content=scan).json()["id"]
    path = tmp_path / artifacts.VOLUME
    artifacts.save_volume(path, phantom.volume)
    with ledger.write() as connection:
        first = claims.claim(connection, job_id, "classifier", "w")
    artifact = jobs.Artifact(first.stage, path.name, first.prefix + path.name, sha256(path), path.stat().st_size)
    open_store(settings.store_url).put(artifact.key, path)
    with ledger.write() as connection:
        claims.complete(connection, first, [artifact])
        return claims.claim(connection, job_id, "segmenter", "w")


def packed(labels: LabelMap) -> bytes:
    file = io.BytesIO()
    artifacts.pack_labels(file, labels, level=1)
    return file.getvalue()


def part_of(labels: LabelMap, axis: int, start: int, stop: int) -> LabelMap:
    cut = tuple(slice(start, stop) if each == axis else slice(None) for each in range(3))
    return LabelMap(np.ascontiguousarray(labels.data[cut]), labels.geometry.part(axis, start, stop))


def show(ledger, claim, labels, axis, start, stop):
    with ledger.write() as connection:
        claims.show_early(connection, claim, Slab(axis, start, stop), packed(part_of(labels, axis, start, stop)))


def test_whoever_lists_them_is_somebody_who_looks(client, stranger, ledger, claim):
    assert_problem(stranger.get(f"/v1/jobs/{claim.job_id}/early"), 404, "not_found")
    with ledger.read() as connection:
        assert not early.is_looked_at(connection, claim.job_id)
    assert client.get(f"/v1/jobs/{claim.job_id}/early").json() == {"parts": []}
    with ledger.read() as connection:
        assert early.is_looked_at(connection, claim.job_id)


def test_a_part_is_a_label_map_in_its_place(client, stranger, ledger, claim, phantom):
    show(ledger, claim, phantom.labels, 0, 3, 7)
    (part,) = client.get(f"/v1/jobs/{claim.job_id}/early").json()["parts"]
    assert (part["axis"], part["start"], part["stop"]) == (0, 3, 7)
    answer = client.get(part["href"])
    image = nib.Nifti1Image.from_bytes(gzip.decompress(answer.content))
    whole = phantom.labels.geometry.ras
    assert np.array_equal(np.asarray(image.dataobj).T, phantom.labels.data[3:7])
    assert np.allclose(image.affine @ [0, 0, 0, 1], whole @ [0, 0, 3, 1], atol=1e-3)
    assert_problem(stranger.get(part["href"]), 404, "not_found")
    assert client.get(f"/v1/jobs/{claim.job_id}/early/1.nii.gz").status_code == 204


def test_a_part_that_is_gone_is_no_error_and_another_attempts_part_is_not_taken_for_it(client, ledger, claim, phantom):
    show(ledger, claim, phantom.labels, 0, 3, 7)
    (part,) = client.get(f"/v1/jobs/{claim.job_id}/early").json()["parts"]
    other = part["href"].replace(f"attempt={part['attempt']}", f"attempt={part['attempt'] + 1}")
    assert other != part["href"]
    assert client.get(other).status_code == 204
    client.post(f"/v1/jobs/{claim.job_id}/cancel")
    gone = client.get(part["href"])
    assert (gone.status_code, gone.content) == (204, b"")


def test_slices_are_drawn_with_early_outlines_as_with_final_ones(client, ledger, claim, phantom, settings, tmp_path):
    middle = phantom.labels.data.shape[0] // 2
    url = f"/v1/jobs/{claim.job_id}/slices/{middle}.png?overlay=1"
    assert_problem(client.get(url), 409, "not_ready")
    show(ledger, claim, phantom.labels, 0, middle - 1, middle + 2)
    first = client.get(url)
    path = tmp_path / artifacts.LABELS
    artifacts.save_labels(path, phantom.labels)
    artifact = jobs.Artifact(claim.stage, path.name, claim.prefix + path.name, sha256(path), path.stat().st_size)
    open_store(settings.store_url).put(artifact.key, path)
    with ledger.write() as connection:
        claims.complete(connection, claim, [artifact])
    final = client.get(url, headers={"If-None-Match": first.headers["etag"]})
    assert final.status_code == 200
    pictures = [cv2.imdecode(np.frombuffer(each.content, np.uint8), 1) for each in (first, final)]
    assert np.array_equal(*pictures)
    assert client.get(f"/v1/jobs/{claim.job_id}/early").json() == {"parts": []}


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_parts_along_any_axis_make_up_the_slice(phantom, axis):
    labels, count = phantom.labels, phantom.labels.data.shape[axis]
    cuts = [(0, 5), (5, count // 2), (count // 2, count)]
    parts = [
        StoredPart(EarlyPart(number, 1, axis, *cut), packed(part_of(labels, axis, *cut)))
        for number, cut in enumerate(cuts)
    ]
    for number in (0, 5, 11):
        seen = [each for each in parts if axis or each.part.start <= number < each.part.stop]
        assert np.array_equal(slice_labels(seen, number, labels.data.shape), labels.data[number])


def test_the_stream_has_every_part_once_and_only_for_those_who_ask(live, client, ledger, claim, phantom):
    asked: list[dict] = []
    not_asked: list[dict] = []

    def follow(query, seen):
        follow_into(seen, live, f"/v1/jobs/{claim.job_id}/events{query}")

    listeners = [
        threading.Thread(target=follow, args=("?early=true", asked)),
        threading.Thread(target=follow, args=("", not_asked)),
    ]
    for listener in listeners:
        listener.start()
    until(lambda: asked and not_asked)
    for number in range(3):
        show(ledger, claim, phantom.labels, 0, number * 4, number * 4 + 4)
        with ledger.write() as connection:
            claims.renew(connection, claim, 0.1 * (number + 1))
        until(lambda number=number: len([event for event in asked if event["event"] == "early"]) == number + 1)
    with ledger.read() as connection:
        assert early.is_looked_at(connection, claim.job_id)
    client.post(f"/v1/jobs/{claim.job_id}/cancel")
    for listener in listeners:
        listener.join(90)
    parts = [event["data"] for event in asked if event["event"] == "early"]
    assert [(part["start"], part["stop"]) for part in parts] == [(0, 4), (4, 8), (8, 12)]
    assert not [event for event in not_asked if event["event"] == "early"]
