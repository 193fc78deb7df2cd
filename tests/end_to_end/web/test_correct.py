"""Outlines are corrected in the page: what the page shows and what the service then has agree."""

import re

import httpx
import numpy as np
import pytest
from playwright.sync_api import expect
from scipy import ndimage

from services.cli import _phantom
from tests.end_to_end.web.steps import Truth, scene, show, sized_shots, themed_shots, violations
from tests.support import pages

TOUCH = np.ones((3, 3, 3), bool)
"""Voxels of a part share a face, an edge or a corner."""


class Corrected:
    """A job of this module alone, as the service has it."""

    def __init__(self, served, job, folder):
        self.served, self.job, self.folder = served, job, folder

    def get(self, name, **query):
        with self.served.client() as client:
            return client.get(f"/v1/jobs/{self.job}/{name}", params=query).raise_for_status()

    def labels(self, revision):
        return Truth(self.file("labels.nii.gz", revision))

    def file(self, name, revision):
        path = self.folder / f"{revision}-{name}"
        path.write_bytes(self.get(name, revision=revision).content)
        return path

    def organs(self, revision):
        return {organ["label"]: organ for organ in self.get("report.json", revision=revision).json()["organs"]}

    @property
    def revisions(self):
        return self.get("revisions").json()["items"]


@pytest.fixture(scope="module")
def corrected(served, tmp_path_factory):
    folder = tmp_path_factory.mktemp("corrected")
    with served.client() as client:
        job = client.post("/v1/jobs", content=_phantom(folder / "phantom.nii.gz").read_bytes()).json()
        for _ in range(500):  # each answer is a change of the job
            job = client.get(f"/v1/jobs/{job['id']}", params={"wait": 20}).json()
            if job["state"] not in {"queued", "running"}:
                break
        assert job["state"] == "succeeded", job
    return Corrected(served, job["id"], folder)


def deepest(image, label):
    """(column, row) of the pixel of a slice that lies deepest inside a label."""
    depth = ndimage.distance_transform_edt(np.pad(image == label, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(depth.argmax(), image.shape)
    return int(column), int(row)


def part(data, index):
    """The voxels connected to one, in all three directions."""
    numbers, _ = ndimage.label(data == data[index], structure=TOUCH)
    return numbers == numbers[index]


def crosshair(page, truth):
    """(slice, row, column) of the voxel under the crosshair."""
    column, row, slice_ = np.rint(truth.geometry.to_index(np.array(scene(page)["place"]))).astype(int)
    return int(slice_), int(row), int(column)


def click_voxel(page, truth, column, row):
    """Clicks a voxel in the axial slice."""
    page.mouse.click(*point_of(page, truth, column, row))


def point_of(page, truth, column, row):
    """Where a voxel of the axial slice is in a picture that is not moved."""
    return pages.point_of(page, truth.data.shape, column, row)


def corner(page):
    """Slice and zoom as the axial slice shows them."""
    return page.locator('[data-tile="axial"]').inner_text()


def screen(page, name):
    return next(organ["screen"] for organ in scene(page)["organs"] if organ["name"] == name)


def shows_volume(page, organ):
    """Whether the list has the volume of the report, which it rounds."""
    title = organ["title"]
    row = page.locator(".organ-line", has=page.get_by_role("button", name=title, exact=True))
    return abs(float(row.locator(".volume").inner_text().split()[0]) - organ["volume_ml"]) <= 0.51


def saved(page, number):
    expect(page.get_by_text(f"Saved as version {number}", exact=True)).to_be_attached()
    expect(page.locator(".version-note")).to_have_count(0)


def relabelled(labels, where, label):
    result = labels.copy()
    result[where] = label
    return result


LARGE, OTHER = 2, 1
"""The label of the organ in the middle slice, and another one."""


@pytest.fixture(scope="module")
def split(served, corrected):
    """Revision 2: the organ in the middle slice is in two parts, because somebody erased a slice of it."""
    middle = corrected.labels(1).data.shape[0] // 2
    with served.client() as client:
        path = f"/v1/jobs/{corrected.job}/labels.nii.gz"
        tag = client.head(path).headers["ETag"]
        edit = {"kind": "erase", "label": LARGE, "slices": [middle + 2, middle + 2]}
        client.patch(path, json={"edits": [edit]}, headers={"If-Match": tag}).raise_for_status()
        client.get(f"/v1/jobs/{corrected.job}/model.glb", params={"revision": 2}).raise_for_status()
    assert ndimage.label(corrected.labels(2).data == LARGE, structure=TOUCH)[1] >= 2
    return middle


@pytest.fixture(scope="module")
def page(kept, served, corrected, split):
    opened = kept()
    show(opened, served.url, corrected.job)
    return opened


def test_a_click_gives_a_connected_part_another_organ_and_undo_takes_it_back(page, corrected, split):
    before, organs = corrected.labels(2), corrected.organs(2)
    titles = {label: organ["title"] for label, organ in organs.items()}
    bystander = organs[3]["name"]
    page.get_by_label("Slices with outlines").focus()
    page.keyboard.press("+")
    page.get_by_role("button", name="Correct", exact=True).click()
    click_voxel(page, before, *deepest(before.data[split], LARGE))
    seen, place = corner(page), screen(page, bystander)
    at = crosshair(page, before)
    assert (at[0], before.data[at]) == (split, LARGE)
    menu = page.get_by_role("menu", name=f"{titles[LARGE]}: which organ is this part?")
    expect(menu.get_by_role("menuitem")).to_have_count(len(organs) + 1)
    sized_shots(page, "correct-menu")
    menu.get_by_role("menuitem", name=titles[OTHER]).click()
    saved(page, 3)

    after = corrected.labels(3)
    np.testing.assert_array_equal(after.data, relabelled(before.data, part(before.data, at), OTHER))
    assert (after.data == LARGE).any(), "the other part of the organ stays"
    assert corner(page) == seen, "slice, window and zoom stay"
    assert np.abs(np.subtract(screen(page, bystander), place)).max() < 0.5, "the camera stays"
    for label in (LARGE, OTHER):
        organ = corrected.organs(3)[label]
        assert shows_volume(page, organ)
        assert organ["volume_ml"] != organs[label]["volume_ml"]
        low, high = after.box(label, scene(page)["centre"])
        mesh = next(one for one in scene(page)["organs"] if one["name"] == organ["name"])
        assert np.abs(np.array([mesh["low"], mesh["high"]]) - [low, high]).max() < 0.006
    expect(page.locator(".readout strong")).to_have_text(titles[OTHER])

    page.get_by_role("button", name="Versions").click()
    versions = page.get_by_role("group", name="Versions").get_by_role("button")
    expect(versions).to_have_count(3)
    expect(versions.first).to_contain_text("3 · by you")
    expect(versions.last).to_have_text("1 · by the algorithm")
    sized_shots(page, "correct-versions")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Undo last correction").click()
    saved(page, 4)
    np.testing.assert_array_equal(corrected.labels(4).data, before.data)
    expect(page.locator(".readout strong")).to_have_text(titles[LARGE])
    expect(page.get_by_role("button", name="Undo last correction")).to_have_count(0)


def test_the_keyboard_corrects_one_slice_at_the_crosshair(page, corrected, split, axe):
    number = corrected.revisions[-1]["revision"]
    before = corrected.labels(number)
    canvas = page.get_by_label("Slices with outlines")
    canvas.focus()
    page.keyboard.press("Escape")
    click_voxel(page, before, *deepest(before.data[split], LARGE))
    at = crosshair(page, before)
    page.keyboard.press("e")
    page.keyboard.press("Enter")
    menu = page.get_by_role("menu")
    expect(menu.get_by_role("menuitem").first).to_be_focused()
    assert violations(page, axe) == []
    page.keyboard.press("Escape")
    expect(menu).to_have_count(0)
    expect(canvas).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("menuitemradio", name="In this slice")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitemradio", name="In this slice")).to_be_checked()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    saved(page, number + 1)
    expect(canvas).to_be_focused()
    here = np.zeros(before.data.shape, bool)
    here[split] = part(before.data[split][None], (0, *at[1:]))[0]
    np.testing.assert_array_equal(corrected.labels(number + 1).data, relabelled(before.data, here, 0))
    expect(page.locator(".readout strong")).to_have_text("No organ")


def test_a_correction_that_does_not_reach_the_server_can_be_made_again(page, kept, corrected):
    number = corrected.revisions[-1]["revision"]
    before = corrected.labels(number)
    page.get_by_label("Slices with outlines").focus()
    page.keyboard.press("Escape")
    click_voxel(page, before, *deepest(before.data[crosshair(page, before)[0]], 3))
    at = crosshair(page, before)
    page.keyboard.press("e")
    page.route("**/labels.nii.gz", lambda route: route.abort())
    page.keyboard.press("Enter")
    page.get_by_role("menuitem", name="Not an organ").click()
    alert = page.get_by_role("alert").filter(has_text="can't be reached")
    expect(alert).to_contain_text("make the correction again")
    alert.get_by_role("button").click()
    kept.complaints.clear()  # the browser notes the request that failed
    page.unroute("**/labels.nii.gz")
    assert corrected.revisions[-1]["revision"] == number
    page.get_by_label("Slices with outlines").focus()
    page.keyboard.press("Enter")
    page.get_by_role("menuitem", name="Not an organ").click()
    saved(page, number + 1)
    np.testing.assert_array_equal(corrected.labels(number + 1).data, relabelled(before.data, part(before.data, at), 0))
    page.get_by_role("button", name="Undo last correction").click()
    saved(page, number + 2)
    np.testing.assert_array_equal(corrected.labels(number + 2).data, before.data)


def test_parts_that_look_like_the_corrected_one_are_proposed_and_changed_together_or_left(page, corrected, split, axe):
    number = corrected.revisions[-1]["revision"]
    before = corrected.labels(number)
    page.get_by_label("Slices with outlines").focus()
    page.keyboard.press("Escape")
    page.keyboard.press("e")
    click_voxel(page, before, *deepest(before.data[crosshair(page, before)[0]], 3))
    slice_, *at = crosshair(page, before)
    part_here = part(before.data[slice_][None], (0, *at))[0]
    page.get_by_role("menuitemradio", name="In this slice").click()
    page.get_by_role("menuitem", name="Not an organ").click()
    saved(page, number + 1)
    proposals = page.get_by_role("group", name="Parts that look alike", exact=True)
    proposals.get_by_role("button", name="Each of them").click()
    lines = proposals.get_by_role("listitem")
    expect(lines.first).to_be_attached()
    count = lines.count()
    assert count > 3
    beside = lines.filter(has_text="Slice").nth(count // 2)
    beside.get_by_role("button").first.click()
    shown = crosshair(page, before)[0]
    assert shown != slice_
    expect(page.locator(".alike")).to_be_attached()
    themed_shots(page, "correct-alike")
    assert violations(page, axe) == []
    beside.get_by_role("button").last.click()
    saved(page, number + 2)
    expect(lines).to_have_count(count - 1)
    after = corrected.labels(number + 2)
    removed = before.data != after.data
    assert set(np.flatnonzero(removed.any(axis=(1, 2)))) == {slice_, shown}
    assert np.array_equal(removed[slice_], part_here)
    proposals.get_by_role("button", name="Make all of them").click()
    saved(page, number + 3)
    expect(proposals).to_have_count(0)
    after = corrected.labels(number + 3)
    assert len(np.flatnonzero((before.data != after.data).any(axis=(1, 2)))) >= count + 1
    assert (after.data[before.data != after.data] == 0).all()
    assert (before.data[before.data != after.data] == 3).all()
    page.get_by_role("button", name="Undo last correction").click()
    saved(page, number + 4)
    np.testing.assert_array_equal(corrected.labels(number + 4).data, corrected.labels(number + 2).data)


def test_somebody_who_was_faster_is_named_and_earlier_versions_are_read_only(page, kept, corrected, served):
    number = corrected.revisions[-1]["revision"]
    path = f"/v1/jobs/{corrected.job}/labels.nii.gz"
    with served.client() as client:
        key = client.post("/v1/keys", json={"name": "second", "scopes": ["jobs:read", "jobs:write"]}).json()
    with httpx.Client(base_url=served.url, headers={"Authorization": f"Bearer {key['key']}"}) as second:
        edit = {"kind": "erase", "label": 3, "slices": [20, 21]}
        tag = second.head(path).headers["ETag"]
        second.patch(path, json={"edits": [edit]}, headers={"If-Match": tag}).raise_for_status()
    shown = corrected.labels(number)
    page.get_by_label("Slices with outlines").focus()
    page.keyboard.press("Escape")
    slice_ = crosshair(page, shown)[0]
    click_voxel(page, shown, *deepest(shown.data[slice_], 3))
    page.keyboard.press("e")
    page.keyboard.press("Enter")
    page.get_by_role("menuitem", name="Not an organ").click()
    alert = page.get_by_role("alert").filter(has_text="meanwhile")
    expect(alert).to_contain_text(f"Version {number + 1} was made by the key ending in {key['id'][-6:]} meanwhile")
    kept.complaints.clear()  # the browser notes the answer 412 that was asked for
    assert corrected.revisions[-1]["revision"] == number + 1, "nothing was overwritten"
    expect(page.get_by_text(f"Version {number} of {number + 1}, read-only")).to_be_visible()
    sized_shots(page, "correct-conflict")
    alert.get_by_role("button").click()

    page.get_by_role("button", name="Versions").click()
    page.get_by_role("button", name="1 · by the algorithm").click()
    expect(page.get_by_text(f"Version 1 of {number + 1}, read-only")).to_be_visible()
    assert shows_volume(page, corrected.organs(1)[3])
    page.get_by_role("button", name="Downloads").click()
    expect(page.get_by_role("link", name="GLB")).to_have_attribute("href", re.compile(r"model\.glb\?revision=1$"))
    page.get_by_role("button", name="Close").click()
    page.get_by_label("Slices with outlines").focus()
    page.keyboard.press("Enter")
    page.get_by_role("menuitem", name="Not an organ").click()
    expect(page.get_by_role("alert").filter(has_text="earlier version")).to_be_visible()
    assert corrected.revisions[-1]["revision"] == number + 1
    page.get_by_label("Language").select_option("de")
    expect(page.get_by_text(f"Version 1 von {number + 1}, nur lesbar")).to_be_visible()
    page.get_by_label("Sprache").select_option("en")
