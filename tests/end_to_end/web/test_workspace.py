"""The result as a workspace: its layout, its slices by mouse and keyboard, its organs."""

import gzip
import json
import re

import nibabel as nib
import numpy as np
import pytest
from playwright.sync_api import expect

from tests.end_to_end.web.steps import scene, shot, show, wait_shown

SHIFTS = """
window.shifts = 0;
new PerformanceObserver((list) => list.getEntries().forEach((entry) => (window.shifts += entry.value)))
    .observe({type: "layout-shift", buffered: true});
"""


@pytest.fixture(scope="module")
def page(kept, served, result):
    """One page with the result open."""
    opened = kept(SHIFTS)
    show(opened, served.url, result)
    return opened


SETTLED = """() => {
    const stage = document.querySelector(".stage");
    return stage.querySelector(".overlay > svg").getAttribute("width") === String(stage.clientWidth);
}"""


def resize(page, width, height):
    """Sets the window's size and waits until the slices have followed."""
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_function(SETTLED)


@pytest.fixture
def slices(page):
    """The slices' canvas, focused, with its tools and window as at first."""
    canvas = page.get_by_label("Slices with outlines")
    canvas.focus()
    for key in ("Escape", "Escape", "f", "g", "0"):
        page.keyboard.press(key)
    return canvas


@pytest.fixture(scope="module")
def spacing(served, result):
    """mm between the columns of the scan."""
    with served.client() as client:
        image = nib.Nifti1Image.from_bytes(gzip.decompress(client.get(f"/v1/jobs/{result}/labels.nii.gz").content))
    return float(image.header.get_zooms()[0])


def box(page, name):
    return page.get_by_role("region", name=name, exact=True).bounding_box()


def tile(page, name="axial"):
    return page.locator(f'[data-tile="{name}"]')


def facts(page):
    """Number of the axial slice, width and level of the window, zoom."""
    number = int(re.search(r"(\d+)/\d+", tile(page).inner_text())[1])
    width, level = map(int, tile(page).locator("[data-window]").get_attribute("data-window").split("/"))
    zoom = float(re.search(r"([\d.]+)×", tile(page).inner_text())[1])
    return {"number": number, "width": width, "level": level, "zoom": zoom}


def test_nothing_jumps_while_the_result_is_used(page, slices):
    before = [box(page, name) for name in ("Slices", "Model")]
    slices.click(position={"x": 120, "y": 120})
    page.get_by_role("button", name="Stomach", exact=True).click()
    page.keyboard.press("l")
    page.keyboard.press("Escape")
    assert [box(page, name) for name in ("Slices", "Model")] == before
    assert page.evaluate("window.shifts") < 0.05


def test_the_result_fills_the_window_and_only_panels_scroll(page):
    for width, height in ((1280, 860), (1024, 768)):
        resize(page, width, height)
        organs, slices, model = (box(page, name) for name in ("Organs and warnings", "Slices", "Model"))
        assert organs["x"] == 0
        assert organs["width"] <= slices["x"] + 1
        assert slices["x"] + slices["width"] <= model["x"] + 1, "slices and model are side by side"
        assert abs(slices["y"] - model["y"]) < 1
        assert abs(model["y"] + model["height"] - height) < 1
        sizes = page.evaluate("[document.documentElement.scrollHeight, document.documentElement.scrollWidth]")
        assert sizes == [height, width]
    resize(page, 1280, 860)


def test_mouse_scrolls_zooms_and_sets_the_window_live(page, slices):
    first = facts(page)
    area = tile(page).bounding_box()
    x, y = area["x"] + area["width"] / 2, area["y"] + area["height"] / 2
    page.mouse.move(x, y)
    page.mouse.wheel(0, 120)
    assert facts(page)["number"] == first["number"] + 3
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    assert facts(page)["zoom"] > first["zoom"]
    assert facts(page)["number"] == first["number"] + 3, "zooming leaves the slice"
    page.mouse.down(button="right")
    page.mouse.move(x + 60, y + 30)
    during = facts(page)
    assert during["width"] > first["width"], "the window follows before the button is released"
    assert during["level"] > first["level"]
    page.mouse.up(button="right")
    assert facts(page) == during
    page.keyboard.press("f")
    page.keyboard.press("0")
    assert facts(page) == first | {"number": first["number"] + 3}


def test_keys_do_all_that_the_mouse_does(page, slices):
    first = facts(page)
    page.keyboard.press("ArrowDown")
    assert facts(page)["number"] == first["number"] + 1
    page.keyboard.press("w")
    page.keyboard.press("ArrowRight")
    assert facts(page)["width"] > first["width"]
    assert facts(page)["number"] == first["number"] + 1, "while a tool is chosen the arrow keys drag"
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowUp")
    assert facts(page)["number"] == first["number"], "Escape left the tool"
    page.keyboard.press("+")
    assert facts(page)["zoom"] > 1
    page.keyboard.press("c")
    assert tile(page).count() == 0
    assert tile(page, "coronal").bounding_box()["width"] > 400
    page.keyboard.press("g")
    page.keyboard.press("p")
    page.wait_for_function(
        f"() => !document.querySelector('[data-tile=axial]').innerText.includes(' {first['number']}/')"
    )
    page.keyboard.press("p")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys and mouse")
    expect(dialog.get_by_text("Play through the slices")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_the_slices_to_look_at_are_listed_and_gone_to_by_mouse_and_key(page, slices, served, result):
    with served.client() as client:
        confidence = client.get(f"/v1/jobs/{result}/report.json").json()["confidence"]
        labels = nib.Nifti1Image.from_bytes(gzip.decompress(client.get(f"/v1/jobs/{result}/labels.nii.gz").content))
    assert confidence["low"], "the outlines of the sample end on slices of which the model is unsure"
    axis = confidence["axis"]
    to_feet = labels.affine[2, axis] < 0
    numbers = [index + 1 if to_feet else labels.shape[axis] - index for index in confidence["low"]]
    names = page.locator(".unsure").get_by_role("button")
    runs = [[int(number) for number in re.findall(r"\d+", name)] for name in names.all_inner_texts()]
    assert sorted(n for run in runs for n in range(run[0], run[-1] + 1)) == sorted(numbers)
    assert runs[0][0] <= numbers[0] <= runs[0][-1], "the least sure comes first"
    names.last.click()
    assert runs[-1][0] <= facts(page)["number"] <= runs[-1][-1]
    slices.focus()
    page.keyboard.press("9")
    assert facts(page)["number"] == numbers[0]
    shot(page, "unsure")


def cross(page, name="axial"):
    """Where the lines of a tile meet, in the page."""
    area = tile(page, name).bounding_box()
    lines = page.locator(".cross").nth(("axial", "coronal", "sagittal").index(name)).get_attribute("d")
    return area["x"] + float(re.match(r"M([\d.]+)", lines)[1]), area["y"] + float(re.search(r"M0 ([\d.]+)H", lines)[1])


def test_the_crosshair_is_one_pixel_wide_and_where_the_place_is(page, slices):
    area = tile(page).bounding_box()
    page.mouse.click(area["x"] + 190, area["y"] + 150)
    assert cross(page) == pytest.approx((area["x"] + 190, area["y"] + 150), abs=3)
    lines = page.locator(".cross").all()
    assert len(lines) == 3
    page.keyboard.press("+")
    resize(page, 1024, 768)
    place = scene(page)["place"]
    for name in ("axial", "coronal", "sagittal"):
        page.mouse.click(*cross(page, name))
        assert scene(page)["place"] == pytest.approx(place, abs=3), name
    assert {line.evaluate("one => getComputedStyle(one).strokeWidth") for line in lines} == {"1px"}
    resize(page, 1280, 860)


def measured(page):
    """What the list of measurements says, the newest last."""
    page.get_by_role("heading", name="Measurements").wait_for()
    return page.locator('section[aria-labelledby="marks"] .name').all_inner_texts()


def test_lengths_areas_and_values_are_measured_and_kept(page, slices, spacing):
    area = tile(page).bounding_box()
    parts = ((0.3, 0.4), (0.6, 0.55))
    ends = [(area["x"] + right * area["width"], area["y"] + down * area["height"]) for right, down in parts]
    places = []
    for x, y in ends:
        page.mouse.click(x, y)
        places.append(np.array(scene(page)["place"]))
    value = re.search(r"value (\S+)", page.locator(".readout").first.inner_text())[1]
    page.keyboard.press("v")
    page.mouse.click(*ends[1])
    assert measured(page) == [value]
    for key in ("l", "r"):
        page.keyboard.press(key)
        page.mouse.move(*ends[0])
        page.mouse.down()
        page.mouse.move(*ends[1])
        page.mouse.up()
    _, length, mean = measured(page)
    assert float(length.removesuffix(" mm")) == pytest.approx(np.linalg.norm(places[1] - places[0]), abs=1.0)
    assert re.fullmatch(r"-?[\d.]+ ± [\d.]+ · [\d.]+ cm²", mean)
    shot(page, "measurements")
    page.keyboard.press("l")
    page.keyboard.press("Enter")
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert float(measured(page)[-1].removesuffix(" mm")) == pytest.approx(10 * spacing, abs=0.2), "ten voxels"
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowDown")
    assert page.locator(".measure").count() == 0, "they belong to their slice"
    assert len(measured(page)) == 4
    for _ in range(4):
        page.keyboard.press("Delete")
    expect(page.get_by_role("heading", name="Measurements")).to_have_count(0)


def test_readouts_are_announced(page):
    for readout in page.locator(".readout").all():
        assert readout.get_attribute("aria-live") == "polite"


def test_an_organ_is_isolated_named_and_found_in_both_views(page):
    def shown():
        return {organ["name"] for organ in scene(page)["organs"] if organ["visible"]}

    everything = shown()
    page.get_by_role("button", name="Show only Stomach").click()
    assert shown() == {"stomach"}
    expect(page.get_by_label("Opacity of Stomach")).to_be_visible()
    expect(page.get_by_role("region", name="Model", exact=True).locator(".readout")).to_contain_text("Stomach")
    page.get_by_role("button", name="Show only Stomach").click()
    assert shown() == everything
    page.get_by_label("Show all organs").uncheck()
    assert shown() == set()
    page.get_by_label("Show all organs").check()
    assert shown() == everything


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1024, 768), (900, 700)])
def test_each_tool_is_inside_its_own_toolbar(page, width, height):
    before = page.viewport_size
    resize(page, width, height)
    for name in ("Slices", "Model"):
        bar = page.get_by_role("group", name=f"Tools of the {name.lower()}", exact=True)
        around, area = bar.bounding_box(), box(page, name)
        assert around["x"] >= area["x"] - 0.5
        assert around["x"] + around["width"] <= area["x"] + area["width"] + 0.5
        assert bar.evaluate("bar => bar.scrollWidth <= bar.clientWidth")
    resize(page, before["width"], before["height"])


def test_a_phone_shows_one_view_at_a_time(page):
    resize(page, 390, 844)
    assert page.evaluate("[document.documentElement.scrollHeight, document.documentElement.scrollWidth]") == [844, 390]
    first = page.locator(".stage canvas").first.bounding_box()
    assert first["y"] < 220, "the picture begins near the top"
    page.get_by_role("group", name="View").get_by_role("button", name="Organs").click()
    expect(page.get_by_label("Show Stomach")).to_be_visible()
    for warning in page.locator(".warnings li").all():
        seen = warning.bounding_box()
        assert seen["x"] >= 0
        assert seen["x"] + seen["width"] <= 390, "warnings are not cut"
    page.get_by_role("group", name="View").get_by_role("button", name="Model").click()
    expect(page.get_by_label("Model of the organs")).to_be_visible()
    expect(page.get_by_label("Slices with outlines")).to_be_hidden()


def test_a_hundred_labels_stay_usable(opened, served, result):
    page = opened(viewport={"width": 1024, "height": 768})

    def many(route):
        answer = route.fetch()
        report = answer.json()
        first = report["organs"][0]
        more = [first | {"label": 10 + n, "name": f"label_{n}", "title": f"Vertebra {n}"} for n in range(97)]
        route.fulfill(response=answer, body=json.dumps(report | {"organs": report["organs"] + more}))

    page.route("**/report.json", many)
    page.goto(f"{served.url}/#/jobs/{result}")
    groups = page.locator(".group-line button")
    groups.first.wait_for()
    assert [text.split() for text in groups.all_inner_texts()] == [["Other", "organs", "3"], ["Vertebra", "97"]]
    for group in groups.all():
        group.click()
    expect(page.locator(".organ-row")).to_have_count(100)
    assert page.evaluate("document.documentElement.scrollHeight") == 768
    assert page.locator(".side-panel").evaluate("panel => panel.scrollHeight > panel.clientHeight")
    shot(page, "hundred-labels")
    page.get_by_label("Search organs").fill("vertebra 42")
    assert page.locator(".organ-row").count() == 1
    page.get_by_label("Search organs").fill("nothing like it")
    expect(page.get_by_text("No results")).to_be_visible()


def test_a_ct_has_windows_by_number(opened, served, result):
    page = opened()

    def as_ct(route):
        answer = route.fetch()
        route.fulfill(response=answer, body=json.dumps(answer.json() | {"modality": "CT"}))

    page.route("**/report.json", as_ct)
    page.goto(f"{served.url}/#/jobs/{result}")
    wait_shown(page)
    window = page.locator("[data-window]")
    expect(window).to_have_attribute("data-window", "400/40")
    page.get_by_label("Slices with outlines").focus()
    for key, expected in (("3", "160/60"), ("4", "1800/400"), ("5", "1500/-600"), ("1", "400/40")):
        page.keyboard.press(key)
        expect(window).to_have_attribute("data-window", expected)
