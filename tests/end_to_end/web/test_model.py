"""The model in the page: closed cuts, X-ray, organs apart, and what can be taken along."""

import cv2
import numpy as np
import pytest
from playwright.sync_api import expect

from tests.end_to_end.web.steps import choose, scene, shot, show


@pytest.fixture(scope="module")
def page(kept, served, result):
    """One page with the result open, the model alone in the window."""
    opened = kept("")
    show(opened, served.url, result)
    return opened


TRIANGLES, GLB_BYTES, CALLS, CALLS_CUT, GPU_BYTES = 200_000, 1 << 20, 100, 300, 8 << 20
"""The budget of docs/web.md."""


def canvas(page):
    return page.get_by_label("Model of the organs")


def pixels(page):
    """The model as it is drawn, RGB (row, column)."""
    with page.expect_download() as waiting:
        choose(page, "Save a picture", "Picture as on the screen")
    return cv2.imread(str(waiting.value.path()))[:, :, ::-1].astype(int)


def middle(organ):
    return (np.array(organ["low"]) + np.array(organ["high"])) / 2


def test_the_model_keeps_to_the_budget_of_the_page(page):
    state = scene(page)
    assert 0 < state["triangles"] <= TRIANGLES
    assert len(state["organs"]) < state["calls"] <= min(CALLS, len(state["organs"]) + 8)
    memory = state["memory"]
    assert memory["buffers"] >= 3 * 2 * state["triangles"], "three numbers of at least two bytes each"
    assert memory["textures"] > 0
    assert memory["buffers"] + memory["textures"] <= GPU_BYTES
    width, height = (page.evaluate(f"document.querySelector('.model canvas').{side}") for side in ("width", "height"))
    assert memory["canvas"] >= 12 * width * height
    loaded = page.evaluate("performance.getEntriesByType('resource').filter(({name}) => name.includes('model.glb'))")
    assert 0 < loaded[-1]["decodedBodySize"] <= GLB_BYTES


def test_a_cut_is_closed_by_the_picture_of_the_slice(page):
    choose(page, "Slice in the model", "None")
    choose(page, "Cut open", "Coronal")
    page.get_by_label("Place of the cut").fill("0.5")
    page.keyboard.press("Escape")
    page.wait_for_function("() => viscera.scene().clip.caps === viscera.scene().organs.length")
    state = scene(page)
    choose(page, "Look from", "From the front")
    cut = pixels(page)
    assert scene(page)["calls"] <= min(CALLS_CUT, 4 * len(state["organs"]) + 8)
    shot(page, "caps")
    page.get_by_label("Show Stomach").uncheck()
    page.wait_for_function("count => viscera.scene().clip.caps === count", arg=len(state["organs"]) - 1)
    page.get_by_label("Show Stomach").check()
    greys = cut[np.ptp(cut, axis=2) > 40]
    assert len(np.unique(greys.sum(axis=1))) > 60, "the caps have the slice's grey levels, not one colour"
    choose(page, "Cut open", "Off")
    page.wait_for_function("() => viscera.scene().clip.caps === 0")


def test_an_x_ray_shows_what_lies_behind(page):
    solid = pixels(page)
    page.get_by_role("button", name="As in an X-ray").click()
    assert scene(page)["xray"]
    clear = pixels(page)
    shot(page, "xray")
    assert clear.std() > 5
    assert np.abs(clear - solid).max() > 60
    page.get_by_role("button", name="As in an X-ray").click()
    assert np.abs(pixels(page) - solid).mean() < 1


def test_organs_move_apart_and_back_and_a_click_still_finds_the_place_in_the_patient(page):
    lying = {organ["name"]: middle(organ) for organ in scene(page)["organs"]}
    choose(page, "Move organs apart")
    page.get_by_role("slider", name="Distance").fill("0.6")
    page.keyboard.press("Escape")
    shot(page, "apart")
    apart = {organ["name"]: organ for organ in scene(page)["organs"]}
    gaps = [np.linalg.norm(middle(apart[name]) - lying[name]) for name in lying]
    assert max(gaps) > 0.02, "metres"
    expect(page.get_by_role("button", name="Measure between surfaces")).to_be_disabled()
    for organ in apart.values():  # the middle of a bent organ can be beside it
        x, y = organ["screen"]
        canvas(page).click(position={"x": x, "y": y})
    state = scene(page)
    hit = next(organ for organ in state["organs"] if organ["name"] == state["selected"])
    moved = middle(hit) - lying[hit["name"]]
    low, high = np.array(hit["low"]) - moved, np.array(hit["high"]) - moved
    centre, place = np.array(state["centre"]), np.array(state["place"])
    left, up, front = (place - centre)[[0, 2, 1]] / 1000 * [1, 1, -1]
    assert (low - 1e-3 <= [left, up, front]).all()
    assert ([left, up, front] <= high + 1e-3).all()
    choose(page, "Move organs apart", "As they lie")
    back = {organ["name"]: middle(organ) for organ in scene(page)["organs"]}
    assert all(back[name] == pytest.approx(lying[name], abs=1e-6) for name in lying)


def test_a_picture_to_print_has_the_pixels_of_an_a4_page(page):
    shown = canvas(page).bounding_box()
    with page.expect_download(timeout=60_000) as waiting:
        choose(page, "Save a picture", "Picture to print, A4")
    picture = cv2.imread(str(waiting.value.path()))
    assert max(picture.shape[:2]) == pytest.approx(3508, abs=4)
    assert picture.shape[1] / picture.shape[0] == pytest.approx(shown["width"] / shown["height"], rel=0.01)
    assert picture.std() > 10


def test_a_video_turns_the_model_once(page):
    before = [organ["screen"] for organ in scene(page)["organs"]]
    with page.expect_download(timeout=60_000) as waiting:
        choose(page, "Save a picture", "Video of one turn")
    film = cv2.VideoCapture(str(waiting.value.path()))
    frames = [frame for seen, frame in iter(film.read, (False, None)) if seen]
    assert len(frames) > 12
    changes = [np.abs(frame.astype(int) - frames[0]).mean() for frame in frames]
    assert max(changes) > 2, "it turns"
    assert min(changes[-3:]) < max(changes) / 2, "and ends about where it began"
    after = [organ["screen"] for organ in scene(page)["organs"]]
    assert np.array(after) == pytest.approx(np.array(before), abs=0.5)
