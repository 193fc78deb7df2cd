"""Outlines are drawn in the page: the voxels that the service then has are those under brush, eraser and loop."""

import copy
import re

import numpy as np
import pytest
from playwright.sync_api import expect
from scipy import ndimage

from tests.end_to_end.web.steps import Truth, scene, show, sized_shots, themed_shots, violations
from tests.end_to_end.web.test_correct import click_voxel, corrected, crosshair, point_of, saved

__all__ = ["corrected"]
RADIUS = 6.0
"""Of the brush when a result is opened, in mm."""


@pytest.fixture(scope="module")
def page(kept, served, corrected):
    opened = kept()
    show(opened, served.url, corrected.job)
    return opened


def drag(page, truth, *voxels):
    """Draws through voxels (column, row) of the axial slice."""
    places = [point_of(page, truth, *voxel) for voxel in voxels]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=6)
    page.mouse.up()


def bar(page):
    return page.get_by_role("group", name="Drawing")


def distances(truth, first, last):
    """The distance in mm of each pixel of a slice, (row, column), from a line between two (column, row)."""
    _, dy, dx = truth.geometry.spacing
    rows, columns = np.indices(truth.data.shape[1:])
    place = np.stack([columns * dx, rows * dy], axis=-1)
    a, b = np.array(first) * [dx, dy], np.array(last) * [dx, dy]
    part = np.clip(((place - a) @ (b - a)) / max((b - a) @ (b - a), 1e-9), 0, 1)
    return np.linalg.norm(place - a - part[..., None] * (b - a), axis=-1)


def gain(page, title):
    """Millilitres that the bar says an organ gained."""
    text = bar(page).locator("output").last.inner_text()
    found = re.search(rf"{title} ([+−])([\d.]+) mL", text)
    return float(found[2]) * (1 if found[1] == "+" else -1)


def follows(page, drawn, organ):
    """The model shows a quick surface of an organ as it is drawn, where its voxels are, and says what it is."""
    page.wait_for_function("(name) => viscera.scene().draft.some((mesh) => mesh.name === name)", arg=organ["name"])
    expect(page.get_by_text("Preview of what is drawn, not saved")).to_be_visible()
    shown = scene(page)
    mesh = next(mesh for mesh in shown["draft"] if mesh["name"] == organ["name"])
    low, high = drawn.box(organ["label"], shown["centre"])
    assert np.abs(np.array([mesh["low"], mesh["high"]]) - [low, high]).max() < 0.004
    counted = (drawn.data == organ["label"]).sum() * drawn.geometry.voxel_ml
    assert mesh["volume"] == pytest.approx(counted, rel=0.1)
    assert not next(one for one in shown["organs"] if one["name"] == organ["name"])["visible"]


def test_a_brush_gives_what_is_under_it_the_organ_that_is_chosen(page, corrected, axe):
    before, organs = corrected.labels(1), corrected.organs(1)
    slice_, row, column = crosshair(page, before)
    page.get_by_label("Slices with outlines").focus()
    page.keyboard.press("q")
    expect(page.get_by_role("button", name="Brush")).to_have_attribute("aria-pressed", "true")
    page.get_by_label("Organ to draw").select_option(label=organs[3]["title"])
    ends = (column - 14, row - 9), (column + 11, row - 5)
    drag(page, before, *ends)
    distance = distances(before, *ends)
    counted = (before.data[slice_][distance <= RADIUS] != 3).sum() * before.geometry.voxel_ml
    assert gain(page, organs[3]["title"]) == pytest.approx(counted, abs=0.25)
    drawn = copy.copy(before)
    drawn.data = before.data.copy()
    drawn.data[slice_][distance <= RADIUS] = 3
    follows(page, drawn, organs[3])
    sized_shots(page, "draw")
    assert violations(page, axe) == []
    page.keyboard.press("Control+s")
    saved(page, 2)
    expect(bar(page).get_by_role("button", name="Save")).to_be_disabled()
    page.wait_for_function("() => viscera.scene().draft.length === 0")
    expect(page.get_by_text("Preview of what is drawn")).to_have_count(0)
    after = corrected.labels(2)
    assert (after.data[slice_][distance < RADIUS - 0.2] == 3).all()
    untouched = np.ones(after.data.shape, bool)
    untouched[slice_] = distance > RADIUS + 0.2
    np.testing.assert_array_equal(after.data[untouched], before.data[untouched])
    assert corrected.revisions[-1]["kinds"] == ["paint"]
    assert corrected.organs(2)[3]["volume_ml"] > organs[3]["volume_ml"]


def test_eraser_and_loop_are_taken_back_made_again_and_survive_a_reload(page, corrected, served):
    before = corrected.labels(2)
    slice_, row, column = crosshair(page, before)
    page.get_by_label("Slices with outlines").focus()
    page.keyboard.press("k")
    left, right, top, bottom = column - 20, column + 20, row + 4, row + 16
    drag(page, before, (left, top), (right, top), (right, bottom), (left, bottom), (left, top))
    page.keyboard.press("j")
    drag(page, before, (column, row + 10), (column, row + 10))
    said = bar(page).locator("output").last.inner_text()
    page.keyboard.press("Control+z")
    assert bar(page).locator("output").last.inner_text() != said
    page.keyboard.press("Control+Shift+z")
    assert bar(page).locator("output").last.inner_text() == said
    page.reload()
    show(page, served.url, corrected.job)
    expect(bar(page).locator("output").last).to_have_text(said)
    page.keyboard.press("e")
    click_voxel(page, before, left + 4, bottom - 3)
    page.get_by_role("menuitem", name="Not an organ").click()
    alert = page.get_by_role("alert").filter(has_text="Save or discard")
    alert.get_by_role("button").click()
    bar(page).get_by_role("button", name="Save").click()
    saved(page, 3)
    after = corrected.labels(3)
    hole = distances(before, (column, row + 10), (column, row + 10))
    inside = np.zeros(hole.shape, bool)
    inside[top + 1 : bottom, left + 1 : right] = True
    assert (after.data[slice_][hole < RADIUS - 0.2] == 0).all()
    assert (after.data[slice_][inside & (hole > RADIUS + 0.2)] == 3).all()
    outside = np.ones(hole.shape, bool)
    outside[top - 1 : bottom + 2, left - 1 : right + 2] = False
    np.testing.assert_array_equal(after.data[slice_][outside], before.data[slice_][outside])


def test_the_keyboard_draws_at_the_crosshair_and_changes_the_size(page, corrected):
    before = corrected.labels(3)
    slice_, row, column = crosshair(page, before)
    page.get_by_label("Slices with outlines").focus()
    page.keyboard.press("j")
    page.keyboard.press("]")
    expect(bar(page).get_by_text("7.5 mm")).to_be_visible()
    page.keyboard.press("Enter")
    page.keyboard.press("Control+s")
    saved(page, 4)
    after = corrected.labels(4)
    distance = distances(before, (column, row), (column, row))
    assert (after.data[slice_][distance < 7.3] == 0).all()
    changed = np.argwhere(after.data != before.data)
    assert {int(index[0]) for index in changed} <= {slice_}
    assert distance[tuple(changed[:, 1:].T)].max(initial=0) < 7.7


def reshape(page, name, scope="This slice"):
    """Chooses what changes the shape of the organ that is drawn, and waits until it is done."""
    bar(page).get_by_role("button", name="Shape of the organ").click()
    bar(page).get_by_role("button", name=scope).click()
    bar(page).get_by_role("button", name=name).click()
    expect(page.get_by_text(re.compile(r"mL changed|Nothing changed")).last).to_be_attached()
    expect(bar(page).get_by_role("button", name="Discard")).to_be_enabled()


def test_a_brush_for_some_values_leaves_the_others(page, corrected):
    before = corrected.labels(4)
    scan = Truth(corrected.file("volume.nii.gz", 4)).data
    page.get_by_label("Slices with outlines").focus()
    page.keyboard.press("q")
    page.get_by_label("Values to draw on").select_option(label="Like under the pointer")
    slice_ = crosshair(page, before)[0]
    image = scan[slice_]
    steep = ndimage.gaussian_gradient_magnitude(image.astype(float), 1.0)
    row, column = np.unravel_index(steep[20:-20, 20:-20].argmax(), (steep.shape[0] - 40, steep.shape[1] - 40))
    at = int(column) + 20, int(row) + 20
    drag(page, before, at, at)
    said = bar(page).locator("output").nth(1).inner_text()
    least, most = (float(part) for part in said.split(" to "))
    assert least < most
    sized_shots(page, "draw-values")
    page.keyboard.press("Control+s")
    saved(page, 5)
    after = corrected.labels(5)
    changed = after.data[slice_] != before.data[slice_]
    within = (image >= least - 0.06) & (image <= most + 0.06)  # the page rounds them to a decimal
    assert changed.any()
    assert not (changed & ~within).any()
    under = distances(before, at, at) < 7.3
    clearly = (image > least + 0.06) & (image < most - 0.06)
    label = after.data[slice_][changed][0]
    assert (after.data[slice_][under & clearly] == label).all()
    assert (under & ~within).any(), "there is something that the brush left"
    page.get_by_label("Values to draw on").select_option(label="All values")


def test_the_service_changes_the_shape_of_what_is_drawn_and_it_is_taken_back_like_a_stroke(page, corrected, axe):
    before, organs = corrected.labels(5), corrected.organs(5)
    page.get_by_label("Organ to draw").select_option(label=organs[2]["title"])
    slice_, row, column = crosshair(page, before)
    page.get_by_label("Slices with outlines").focus()  # the brush is chosen since the test before
    drag(page, before, (column, row), (column, row))
    for _ in range(4):
        page.keyboard.press("PageDown")
    drag(page, before, (column, row), (column, row))
    step = int(np.sign(crosshair(page, before)[0] - slice_))
    drawn = gain(page, organs[2]["title"])
    reshape(page, "Interpolate")
    assert gain(page, organs[2]["title"]) > drawn + 0.1
    page.keyboard.press("Control+z")
    assert gain(page, organs[2]["title"]) == drawn
    page.keyboard.press("Control+Shift+z")
    reshape(page, "Fill holes")
    page.get_by_role("button", name="Shape of the organ").click()
    page.get_by_label("Smallest part").fill("0.2")
    page.get_by_label("Smallest part").press("Tab")
    page.get_by_role("button", name="Remove parts").click()
    expect(bar(page).get_by_role("button", name="Discard")).to_be_enabled()
    reshape(page, "Smooth", "Whole organ")
    bar(page).get_by_role("button", name="Shape of the organ").click()
    themed_shots(page, "draw-shape")
    assert violations(page, axe) == []
    page.keyboard.press("Escape")
    counted = gain(page, organs[2]["title"])
    bar(page).get_by_role("button", name="Save").click()
    saved(page, 6)
    after = corrected.labels(6)
    kinds = corrected.revisions[-1]["kinds"]
    assert (kinds[:2], kinds[-1]) == (["paint", "interpolate"], "smooth")
    dab = distances(before, (column, row), (column, row)) < 6.0  # smoothing rounds the ends of what was drawn
    for number in range(slice_ + step, slice_ + 4 * step, step):
        assert (after.data[number][dab] == 2).all(), f"slice {number}"
    change = (int((after.data == 2).sum()) - int((before.data == 2).sum())) * before.geometry.voxel_ml
    assert counted == pytest.approx(change, abs=0.06)
