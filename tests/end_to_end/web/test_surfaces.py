"""On the model: lengths, angles, areas and arrows by mouse, keyboard and touch, and views that come back."""

import itertools

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.end_to_end.web.steps import (
    choose,
    eventually,
    mark_rows,
    scene,
    shot,
    show,
    themed_shots,
    violations,
    wait_shown,
)


@pytest.fixture(scope="module")
def page(kept, served, dicom_result):
    """One page with a small result of a DICOM series open."""
    opened = kept()
    show(opened, served.url, dicom_result)
    return opened


@pytest.fixture
def stored(served, dicom_result):
    """What the service has of a kind, asked at every call; nothing of it is left after the test."""
    path = f"/v1/jobs/{dicom_result}"
    with served.client() as client:
        yield lambda kind: client.get(f"{path}/{kind}").json()["items"]
        for kind in ("measurements", "views"):
            for one in client.get(f"{path}/{kind}").json()["items"]:
                assert client.delete(f"{path}/{kind}/{one['id']}").status_code == 204


def canvas(page):
    return page.get_by_label("Model of the organs")


def spots(page, count):
    """Points of the canvas on surfaces, around the middle of the largest organ."""
    organ = max(scene(page)["organs"], key=lambda one: np.prod(np.array(one["high"]) - np.array(one["low"])))
    x, y = organ["screen"]
    turns = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return [(x + 22 * np.cos(turn), y + 22 * np.sin(turn)) for turn in turns]


def click(page, *points):
    for x, y in points:
        canvas(page).click(position={"x": x, "y": y})


def places(page, points):
    """Where on the surfaces points of the canvas are, patient LPS mm."""
    found = []
    for point in points:
        click(page, point)
        found.append(np.array(scene(page)["place"]))
    assert len({tuple(place) for place in found}) == len(points)
    return found


def angle(a, vertex, b):
    first, second = a - vertex, b - vertex
    return np.degrees(np.arccos(first @ second / np.linalg.norm(first) / np.linalg.norm(second)))


def area(corners):
    """cm2, by the triangles from the first corner."""
    edges = [corner - corners[0] for corner in corners]
    vector = sum(np.cross(a, b) for a, b in itertools.pairwise(edges)) / 2
    return np.linalg.norm(vector) / 100


def test_the_mouse_measures_a_length_an_angle_and_an_area_and_all_are_kept(page, served, dicom_result, stored, axe):
    points = spots(page, 5)
    at = places(page, points)
    calls = scene(page)["calls"]
    choose(page, "Measure between surfaces", "Length")
    click(page, *points[:2])
    choose(page, "Measure between surfaces", "Angle")
    click(page, *points[:3])
    choose(page, "Measure between surfaces", "Area")
    click(page, *points)
    assert len(scene(page)["measuring"]["points"]) == 5
    page.get_by_role("button", name="Take the last point back").click()
    assert len(scene(page)["measuring"]["points"]) == 4
    click(page, points[4], points[0])  # the first corner again closes it
    expected = [np.linalg.norm(at[1] - at[0]), angle(*at[:3]), area(at)]
    marks = scene(page)["marks"]
    assert [mark["kind"] for mark in marks] == ["length", "angle", "polygon"]
    assert [mark["value"] for mark in marks] == pytest.approx(expected, rel=1e-3)
    assert marks[2]["points"] == [pytest.approx(place, abs=0.01) for place in at]
    expect(mark_rows(page)).to_have_count(3)
    assert eventually(page, lambda: scene(page)["calls"] == calls + 6), "all lines twice, all dots, three values"
    assert eventually(page, lambda: len(stored("measurements")) == 3)
    kept = stored("measurements")
    assert [one["value"] for one in kept] == pytest.approx(expected, rel=1e-3), "the service computes the same"
    assert {one["plane"] for one in kept} == {"surface"}
    assert violations(page, axe) == []
    themed_shots(page, "surfaces")
    page.goto(f"{served.url}/#/archive")
    show(page, served.url, dicom_result)
    expect(mark_rows(page)).to_have_count(3)
    assert [mark["value"] for mark in scene(page)["marks"]] == pytest.approx(expected, rel=1e-3)
    mark_rows(page).locator("button.organ").first.click()
    assert scene(page)["place"] == pytest.approx((at[0] + at[1]) / 2, abs=0.1), "the slices go to its middle"
    page.get_by_role("button", name=f"Delete {expected[1]:.1f}°").click()
    assert eventually(page, lambda: [one["kind"] for one in stored("measurements")] == ["length", "polygon"])


def test_keys_measure_an_area_and_take_points_back(page, stored):
    page.reload()
    wait_shown(page)
    canvas(page).focus()
    page.keyboard.press("r")
    page.keyboard.press("Enter")  # the crosshair begins in the middle of the view
    start = scene(page)["crosshair"]
    for key in ["ArrowRight"] * 3 + ["Enter"] + ["ArrowDown"] * 3 + ["Enter"]:
        page.keyboard.press(key)
    assert scene(page)["crosshair"] == [start[0] + 30, start[1] + 30]
    assert len(scene(page)["measuring"]["points"]) == 3
    shot(page, "surfaces-keys")
    camera = scene(page)["camera"]
    page.keyboard.press("Shift+ArrowLeft")
    assert scene(page)["camera"] != camera, "with Shift the model turns"
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Backspace")
    assert len(scene(page)["measuring"]["points"]) == 2
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")  # the last corner again closes it
    assert eventually(page, lambda: [one["kind"] for one in stored("measurements")] == ["polygon"])
    (mark,) = scene(page)["marks"]
    assert stored("measurements")[0]["value"] == pytest.approx(mark["value"], rel=1e-6)
    page.keyboard.press("Delete")
    expect(mark_rows(page)).to_have_count(0)
    assert eventually(page, lambda: stored("measurements") == [])
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    assert scene(page)["measuring"] is None
    page.keyboard.press("Escape")
    camera = scene(page)["camera"]
    page.keyboard.press("ArrowLeft")
    assert scene(page)["camera"] != camera, "without a tool the arrow keys turn the model"
    page.keyboard.press("Home")


def test_arrows_with_texts_are_put_renamed_kept_and_deleted(page, stored):
    place = places(page, spots(page, 3)[:1])[0]
    page.get_by_role("button", name="Arrow with a text").click()
    click(page, spots(page, 3)[0])
    page.get_by_label("Text of the arrow").fill("fissure & lobe")
    page.keyboard.press("Enter")
    canvas(page).focus()
    page.keyboard.press("Enter")  # a second one by keyboard
    expect(page.get_by_label("Text of the arrow")).to_be_focused()
    page.keyboard.type("by keys")
    page.keyboard.press("Enter")
    expect(canvas(page)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Text of the arrow")).to_be_focused()
    page.keyboard.press("Escape")  # one without a text is none
    assert eventually(page, lambda: [one["label"] for one in stored("measurements")] == ["fissure & lobe", "by keys"])
    assert [one["value"] for one in stored("measurements")] == [None, None]
    first = scene(page)["marks"][0]
    assert first["points"][0] == pytest.approx(place, abs=0.01)
    assert np.linalg.norm(np.subtract(*first["points"])) == pytest.approx(50, abs=0.1)
    themed_shots(page, "arrows")
    page.get_by_role("button", name="Change the name of fissure & lobe").click()
    page.get_by_label("Name of the measurement").fill("cyst")
    page.keyboard.press("Enter")
    assert eventually(page, lambda: [one["label"] for one in stored("measurements")] == ["cyst", "by keys"])
    page.get_by_role("button", name="Delete cyst").click()
    assert eventually(page, lambda: [one["label"] for one in stored("measurements")] == ["by keys"])


def look(page):
    """What a view brings back."""
    state = scene(page)
    organs = {organ["name"]: (organ["visible"], round(organ["opacity"], 3)) for organ in state["organs"]}
    cut = (state["clip"]["on"], *np.round([*state["clip"]["normal"], state["clip"]["constant"]], 4))
    return organs, cut, state["xray"], round(state["apart"], 3), np.round(state["place"], 2).tolist()


def test_a_saved_view_comes_back_with_camera_organs_cut_and_slice(page, opened, served, dicom_result, stored, axe):
    page.get_by_label("Show Stomach").uncheck()
    choose(page, "Cut open", "Coronal")
    page.wait_for_function("() => viscera.scene().clip.on")
    constant = scene(page)["clip"]["constant"]
    page.get_by_label("Place of the cut").fill("0.4")
    page.wait_for_function("constant => viscera.scene().clip.constant !== constant", arg=constant)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="As in an X-ray").click()
    choose(page, "Look from", "From the left")
    page.get_by_label("Slices with outlines").focus()
    page.keyboard.press("PageUp")
    before, camera = look(page), scene(page)["camera"]
    page.get_by_role("button", name="Saved views").click()
    page.get_by_label("Name of the view").fill("left side")
    page.keyboard.press("Enter")
    assert violations(page, axe) == []
    shot(page, "views")
    page.keyboard.press("Escape")
    assert eventually(page, lambda: [one["name"] for one in stored("views")] == ["left side"])
    (view,) = stored("views")
    page.reload()
    wait_shown(page)
    assert look(page) != before
    page.get_by_role("button", name="Saved views").click()
    page.get_by_role("button", name="left side", exact=True).click()
    assert eventually(page, lambda: look(page) == before)
    assert scene(page)["camera"] == pytest.approx(camera, abs=1e-5)
    page.keyboard.press("Escape")
    choose(page, "Look from", "From the head")
    canvas(page).focus()
    page.keyboard.press("PageDown")
    assert scene(page)["camera"] == pytest.approx(camera, abs=1e-5), "the keys go through the views"
    page.get_by_role("button", name="Share", exact=True).click()
    page.get_by_label("Opens at").select_option("left side")
    page.get_by_role("button", name="Make a link").click()
    link = page.get_by_label("Link, until").input_value()
    assert link.endswith(f"?view={view['id']}")
    page.keyboard.press("Escape")
    with served.client() as client:
        arrow = {"kind": "arrow", "plane": "surface", "points": [[0, 0, 0], [0, -50, 0]], "label": "for the guest"}
        assert client.put(f"/v1/jobs/{dicom_result}/measurements/arrow-001", json=arrow).status_code == 200
    guest = opened()
    guest.goto(link)
    wait_shown(guest)
    assert eventually(guest, lambda: look(guest) == before), "a share link opens at a view"
    expect(mark_rows(guest).get_by_text("for the guest")).to_be_visible()
    assert guest.get_by_role("button", name="Delete for the guest").count() == 0
    guest.get_by_role("button", name="Saved views").click()
    assert guest.get_by_label("Name of the view").count() == 0


def test_a_finger_measures_on_a_phone(opened, served, dicom_result, stored):
    phone = opened(has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844})
    show(phone, served.url, dicom_result)
    phone.get_by_role("button", name="Model", exact=True).click()
    phone.wait_for_function("() => viscera.scene().organs.some(({ screen }) => screen[0] > 1)")
    choose(phone, "Measure between surfaces", "Area")
    for x, y in spots(phone, 3):
        canvas(phone).tap(position={"x": x, "y": y})
    phone.get_by_role("button", name="Close the area").tap()
    (mark,) = scene(phone)["marks"]
    assert mark["value"] > 0
    assert eventually(phone, lambda: [one["kind"] for one in stored("measurements")] == ["polygon"])
    shot(phone, "surfaces-phone")
