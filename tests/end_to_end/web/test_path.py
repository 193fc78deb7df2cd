"""A user's whole way: send a scan, look at the result from all sides, take files home, find it again, share, delete."""

import base64
import io
import json
import re
import zipfile

import cv2
import numpy as np
import pytest
from playwright.sync_api import expect

from tests.end_to_end.web.steps import Truth, choose, outline, scene, shot, show, violations, wait_shown

ORGANS = {"stomach": (1, "Stomach"), "small_bowel": (2, "Small bowel"), "large_bowel": (3, "Large bowel")}


@pytest.fixture(scope="module")
def truth(served, result, tmp_path_factory):
    path = tmp_path_factory.mktemp("truth") / "labels.nii.gz"
    with served.client() as client:
        path.write_bytes(client.get(f"/v1/jobs/{result}/labels.nii.gz").content)
    return Truth(path)


@pytest.fixture(scope="module")
def shown(kept, served, result):
    """One page with the result open."""
    page = kept()
    show(page, served.url, result)
    return page


def send(page, scan):
    page.set_input_files("input[data-files]", scan)
    page.get_by_role("heading", name="Is this the right scan?").wait_for()
    shot(page, "confirm")
    expect(page.locator(".preview-large .letter.right")).to_have_text("L")
    page.get_by_role("button", name="Start").click()


def test_a_scan_is_sent_shown_and_deleted(opened, served, scan, tmp_path):
    page = opened()
    page.goto(served.url)
    shot(page, "new")
    send(page, scan)
    page.wait_for_url(re.compile("#/jobs/"))
    job = page.url.rsplit("/", 1)[1]
    page.locator(".workspace").wait_for(timeout=120_000)
    wait_shown(page)
    shot(page, "result")
    download(page, tmp_path)
    page.get_by_role("link", name="Archive").click()
    row = page.locator(f'.job[data-job="{job}"]')
    expect(row.get_by_text("Finished")).to_be_visible()
    expect(row.get_by_role("link")).to_have_attribute("href", f"#/jobs/{job}")
    shot(page, "archive")
    page.get_by_label("Search").fill("no such thing")
    expect(row).to_be_hidden()
    expect(page.get_by_text("No results")).to_be_visible()
    page.get_by_label("Search").fill(job[-12:])
    expect(row).to_be_visible()
    page.get_by_role("button", name="Cards").click()
    assert row.locator("img").evaluate("async image => (await image.decode(), image.naturalWidth)") > 100
    shot(page, "archive-cards")
    row.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)
    with served.client() as client:
        assert client.get(f"/v1/jobs/{job}").status_code == 404


def download(page, folder):
    """Each file by its link in the page; three of them looked into."""
    page.get_by_role("button", name="Downloads").click()
    files = {}
    page.locator(".downloads a").first.wait_for()
    for link in page.locator(".downloads a").all():
        with page.expect_download() as waiting:
            link.click()
        name = link.get_attribute("download")
        waiting.value.save_as(folder / name)
        files[name] = (folder / name).read_bytes()
    assert {"model.glb", "model.stl", "model.3mf", "model.obj.zip", "labels.nii.gz", "report.json"} <= set(files)
    page.get_by_role("button", name="Close").click()
    assert all(files.values())
    assert files["model.glb"][:4] == b"glTF"
    assert any(name.endswith(".obj") for name in zipfile.ZipFile(io.BytesIO(files["model.obj.zip"])).namelist())
    assert set(np.unique(Truth(folder / "labels.nii.gz").data)) <= {0, 1, 2, 3}


def test_organs_lie_where_the_label_map_has_them(shown, truth):
    page = shown
    seen = scene(page)
    assert {organ["name"] for organ in seen["organs"]} == set(ORGANS)
    for organ in seen["organs"]:
        low, high = truth.box(ORGANS[organ["name"]][0], seen["centre"])
        assert np.abs(np.array(organ["low"]) - low).max() < 0.008, organ["name"]
        assert np.abs(np.array(organ["high"]) - high).max() < 0.008, organ["name"]
    stomach, bowel = (next(o for o in seen["organs"] if o["name"] == name) for name in ("stomach", "small_bowel"))
    assert stomach["high"][1] > bowel["high"][1], "the stomach reaches higher than the small bowel"
    middle = truth.geometry.to_patient((np.array(truth.data.shape[::-1]) - 1) / 2)
    assert stomach["low"][0] + stomach["high"][0] > 2 * (middle[0] - seen["centre"][0]) / 1000, "on the patient's left"
    heights = [corner[1] * 1000 + seen["centre"][2] for corner in seen["plane"]]
    slice_mm = truth.geometry.spacing[0]
    assert np.ptp(heights) < 0.01
    assert abs(heights[0] - seen["place"][2]) <= slice_mm / 2 + 0.01, "the slice stands where the crosshair is"


def test_slices_show_the_patients_left_on_the_right(shown, truth):
    page = shown
    index = np.argwhere(truth.data == 1)
    slice_ = np.bincount(index[:, 0]).argmax()
    inside = index[index[:, 0] == slice_]
    choose(page, "Planes", "Axial")
    target = truth.geometry.to_patient(inside[len(inside) // 2][::-1])
    canvas = page.get_by_label("Slices with outlines")
    canvas.focus()
    steps = round((target[2] - scene(page)["place"][2]) / truth.geometry.spacing[0])
    for _ in range(abs(steps)):
        page.keyboard.press("ArrowUp" if steps > 0 else "ArrowDown")
    assert abs(scene(page)["place"][2] - target[2]) < truth.geometry.spacing[0]
    rim = outline(canvas, [230, 159, 0])
    shot(page, "axial")
    offset = inside[:, 2].mean() / (truth.data.shape[2] - 1) - 0.5
    column = np.flatnonzero(rim.any(axis=0)).mean() / rim.shape[1] - 0.5
    assert np.sign(column) == np.sign(offset * truth.geometry.affine[0, 0]), "columns run to the patient's left"


def test_both_views_follow_each_other(shown, truth):
    page = shown
    canvas = page.get_by_label("Model of the organs")
    organ = scene(page)["organs"][2]
    x, y = organ["screen"]
    canvas.click(position={"x": x, "y": y})
    seen = scene(page)
    label, title = ORGANS[seen["selected"]]
    assert truth.near(seen["place"], label), "the slices went to where the model was clicked"
    expect(page.get_by_role("button", name=title, exact=True)).to_have_attribute("aria-pressed", "true")
    before = seen["place"]
    page.get_by_label("Slices with outlines").focus()
    page.keyboard.press("ArrowUp")
    after = scene(page)["place"]
    assert abs(after[2] - before[2] - truth.geometry.spacing[0]) < truth.geometry.spacing[0]
    titles = {0: "No organ"} | dict(ORGANS.values())
    expect(page.locator(".readout strong")).to_have_text(titles[truth.label(after)])


def test_tools_of_the_model(shown):
    page = shown
    canvas = page.get_by_label("Model of the organs")
    places, clicks = [], [organ["screen"] for organ in scene(page)["organs"][1:]]
    for x, y in clicks:
        canvas.click(position={"x": x, "y": y})
        places.append(np.array(scene(page)["place"]))
    choose(page, "Measure between surfaces", "Length")
    for x, y in clicks:
        canvas.click(position={"x": x, "y": y})
    assert scene(page)["measured"] == pytest.approx(np.linalg.norm(places[0] - places[1]), abs=0.5)
    shot(page, "measure")
    canvas.press("Delete")
    assert scene(page)["measured"] is None
    canvas.press("Escape")
    page.get_by_label("Show Stomach").uncheck()
    assert not next(o for o in scene(page)["organs"] if o["name"] == "stomach")["visible"]
    bowel = page.get_by_role("button", name="Large bowel", exact=True)
    if bowel.get_attribute("aria-pressed") == "false":
        bowel.click()
    page.get_by_label("Opacity of Large bowel").fill("0.4")
    assert next(o for o in scene(page)["organs"] if o["name"] == "large_bowel")["opacity"] == pytest.approx(0.4)
    choose(page, "Cut open", "Coronal")
    page.get_by_label("Place of the cut").fill("0.3")
    page.wait_for_function("() => viscera.scene().clip.on")
    clip = scene(page)["clip"]
    assert clip["normal"] == pytest.approx([0, 0, -1])
    assert clip["caps"] == sum(organ["visible"] for organ in scene(page)["organs"])
    shot(page, "clip")
    choose(page, "Slice in the model", "Sagittal")
    corners = np.array(scene(page)["plane"])
    assert np.ptp(corners[:, 0]) < 1e-5
    with page.expect_download() as waiting:
        choose(page, "Save a picture", "Picture as on the screen")
    picture = cv2.imread(str(waiting.value.path()))
    assert picture.std() > 10, "the picture shows something"


def test_a_share_link_opens_one_result_and_nothing_else(opened, shown, result, axe):
    page = shown
    page.get_by_role("button", name="Share", exact=True).click()
    page.get_by_role("button", name="Make a link").click()
    link = page.get_by_label(re.compile("^Link, until")).input_value()
    assert "/#/shared/" in link
    assert "lesson" not in link
    shot(page, "share")
    page.get_by_text("Questions for students").click()
    page.get_by_role("button", name="Add a question").click()
    page.get_by_label("Question 1", exact=True).fill("Which organ absorbs most water?")
    page.get_by_label("Right answer").select_option("Large bowel")
    assert violations(page, axe) == []
    page.get_by_role("button", name="Make a link").click()
    field = page.get_by_label(re.compile("^Link, until"))
    expect(field).to_have_value(re.compile("lesson="))
    asked = field.input_value().partition("?lesson=")[2]
    assert json.loads(base64.urlsafe_b64decode(asked + "=" * (-len(asked) % 4))) == [
        ["Which organ absorbs most water?", "large_bowel"]
    ]
    shot(page, "share-questions")
    guest = opened()
    guest.goto(link)
    wait_shown(guest)
    expect(guest.locator(".workspace")).to_be_visible()
    assert guest.get_by_role("button", name="Correct", exact=True).count() == 0
    assert guest.get_by_role("button", name="In your room").count() == 0, "that is for phones"
    assert guest.get_by_role("button", name="Delete").count() == guest.get_by_role("navigation").count() == 0
    refused = guest.evaluate(f"fetch('/v1/jobs/{result}', {{method: 'DELETE'}}).then(answer => answer.status)")
    assert refused in {403, 404}
    opened.complaints.clear()  # the browser notes the refusal that was asked for
