"""What a radiologist does with a result, by keyboard and by mouse; its actions are counted as docs/web.md names them.

An action is one key, one text that is typed, one click, one drag, one turn of the wheel; a choice from a list is two.
Tasks follow one another on one page, as in a reading.
"""

import io
import re
import threading
from pathlib import Path

import numpy as np
import pydicom
import pytest
from playwright.sync_api import expect

from shared.imaging.phantoms import abdomen
from shared.imaging.volume import Volume
from tests.end_to_end.web.steps import Truth, scene, themed_shots, violations, wait_shown
from tests.end_to_end.web.test_correct import click_voxel, crosshair, deepest
from tests.services.test_dicom_sender import Handler, Pacs
from tests.support.scans import write_dicom
from viscera_client import packed

DOCS = Path(__file__).parents[3] / "docs" / "web.md"
SLICES = "Slices with outlines"


class Confirming(Handler):
    """Confirms every instance that it was sent, as a PACS does."""

    def do_POST(self):  # noqa: N802
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        self.server.requests.append(body)
        starts = [found.start() - 128 for found in re.finditer(b"DICM", body)]
        parts = [pydicom.dcmread(io.BytesIO(body[start:]), specific_tags=["SOPInstanceUID"]) for start in starts]
        uids = {str(part.SOPInstanceUID) for part in parts}
        items = [{"00081155": {"vr": "UI", "Value": [uid]}} for uid in uids]
        self.answer(200, {"00081199": {"vr": "SQ", "Value": items}})


@pytest.fixture(scope="module")
def pacs(served):
    """A PACS at the address that the operator configured."""
    with Pacs(served.pacs_port, Confirming) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def job(served, tmp_path_factory):
    """A finished job of a DICOM scan that ends inside organs."""
    phantom = abdomen().volume
    part = Volume(phantom.data[8:36], phantom.geometry.part(0, 8, 36), "MR", "dicom")
    folder = write_dicom(tmp_path_factory.mktemp("dicom") / "series", part)
    with served.client() as client, packed(folder) as path:
        made = client.post("/v1/jobs", content=path.read_bytes()).json()
        for _ in range(500):  # each answer is a change of the job
            made = client.get(f"/v1/jobs/{made['id']}", params={"wait": 20}).json()
            if made["state"] not in {"queued", "running"}:
                break
        assert made["state"] == "succeeded", made
        client.patch(f"/v1/jobs/{made['id']}", json={"name": "Twelve tasks"})
    return made["id"]


class Hands:
    """A page, and how many actions a task took."""

    def __init__(self, page):
        self.page, self.count = page, 0

    def key(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)
            self.count += 1

    def text(self, words):
        self.page.keyboard.type(words)
        self.count += 1

    def click(self, target):
        target.click()
        self.count += 1

    def drag(self, start, stop, button="left"):
        self.page.mouse.move(*start)
        self.page.mouse.down(button=button)
        self.page.mouse.move(*stop, steps=4)
        self.page.mouse.up(button=button)
        self.count += 1

    def wheel(self, place, down):
        self.page.mouse.move(*place)
        self.page.mouse.wheel(0, down)
        self.count += 1

    def choose(self, target, value):
        target.select_option(value)
        self.count += 2


@pytest.fixture(scope="module")
def page(kept, served, job, pacs):
    opened = kept(viewport={"width": 1440, "height": 900})
    opened.goto(served.url)
    opened.get_by_text("Drop a scan here").wait_for()
    return opened


def middle(page):
    box = page.locator('[data-tile="axial"]').bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def shown(page):
    return {organ["name"] for organ in scene(page)["organs"] if organ["visible"]}


def number(page):
    return int(re.search(r"(\d+)/", page.locator('[data-tile="axial"]').inner_text())[1])


def window(page):
    return page.locator("[data-window]").get_attribute("data-window")


def found(page):
    expect(page.locator("tr.job")).to_have_count(1)


def open_result(hands, by, job):
    if by == "keyboard":
        hands.key("/")
        page_search = hands.page.get_by_label("Search")
        expect(page_search).to_be_focused()
        hands.text("twelve")
        hands.key("Enter")
    else:
        hands.click(hands.page.get_by_role("link", name="Archive"))
        hands.click(hands.page.locator(f'tr[data-job="{job}"]').get_by_role("link"))
    wait_shown(hands.page)
    expect(hands.page.locator(".bar h1")).to_have_text("Twelve tasks")


def set_window(hands, by):
    before, (x, y) = window(hands.page), middle(hands.page)
    if by == "keyboard":
        hands.key("w", "ArrowRight")
    else:
        hands.drag((x, y), (x + 60, y + 20), "right")
    assert window(hands.page) != before
    hands.page.keyboard.press("Escape")
    hands.page.keyboard.press("0")


def scroll(hands, by):
    before = number(hands.page)
    hands.key("ArrowDown") if by == "keyboard" else hands.wheel(middle(hands.page), 40)
    hands.page.wait_for_function(f"() => !document.querySelector('[data-tile=axial]').innerText.includes(' {before}/')")
    assert abs(number(hands.page) - before) == 1


def measure(hands, by):
    marks = hands.page.locator('section[aria-labelledby="marks"] li')
    before, (x, y) = marks.count(), middle(hands.page)
    if by == "keyboard":
        hands.key("l", "Enter", "ArrowRight", "Enter")
    else:
        hands.click(hands.page.get_by_role("button", name="Length"))
        hands.drag((x, y), (x + 70, y + 10))
    expect(marks).to_have_count(before + 1)
    assert float(marks.last.inner_text().split()[0]) > 0.0
    hands.page.keyboard.press("Escape")


def largest_warning(hands, by, served, job):
    with served.client() as client:
        organs = [each for each in client.get(f"/v1/jobs/{job}/report.json").json()["organs"] if each["warnings"]]
    worst = max(organs, key=lambda organ: (len(organ["warnings"]), organ["volume_ml"]))
    if by == "keyboard":
        hands.key("m")
    else:
        hands.click(hands.page.locator("button.badge"))
    row = hands.page.locator(".organ-row.chosen")
    expect(row).to_contain_text(worst["title"])
    expect(row).to_contain_text(worst["warnings"][0]["detail"])
    assert scene(hands.page)["place"] == pytest.approx(np.mean(worst["bounding_box_lps_mm"], axis=0), abs=6)


def isolate(hands, by):
    chosen = scene(hands.page)["selected"]
    if by == "keyboard":
        hands.key("i")
    else:
        hands.click(hands.page.locator(".organ-row.chosen").get_by_role("button", name="Show only"))
    assert shown(hands.page) == {chosen}
    hands.page.keyboard.press("i")
    assert len(shown(hands.page)) > 1


def aim(page, served, job, revision, folder):
    """Puts the crosshair on the largest part of an organ; returns the label map and the (column, row) in its slice."""
    path = folder / f"{revision}.nii.gz"
    with served.client() as client:
        path.write_bytes(client.get(f"/v1/jobs/{job}/labels.nii.gz", params={"revision": revision}).content)
    truth = Truth(path)
    areas = np.array([[(plane == label).sum() for plane in truth.data] for label in (1, 2, 3)])
    label, slice_ = np.unravel_index(areas.argmax(), areas.shape)
    column, row = deepest(truth.data[slice_], label + 1)
    page.get_by_label(SLICES).focus()
    steps = crosshair(page, truth)[0] - slice_
    for _ in range(abs(steps)):
        page.keyboard.press("ArrowDown" if steps > 0 else "ArrowUp")
    assert crosshair(page, truth)[0] == slice_
    click_voxel(page, truth, column, row)
    return truth, column, row


def correct(hands, by, served, job, folder):
    def revision():
        with served.client() as client:
            return client.get(f"/v1/jobs/{job}").json()["revision"]

    before, menu = revision(), hands.page.get_by_role("menu")
    truth, column, row = aim(hands.page, served, job, before, folder)
    if by == "keyboard":
        hands.key("e", "Enter")
        expect(menu).to_be_visible()
        hands.key("Enter")
    else:
        hands.click(hands.page.get_by_role("button", name="Correct", exact=True))
        click_voxel(hands.page, truth, column, row)
        hands.count += 1
        hands.click(menu.locator("[data-organ]:not([aria-disabled])").first)
    expect(hands.page.get_by_text(f"Saved as version {before + 1}", exact=True)).to_be_attached()
    assert revision() == before + 1
    hands.page.get_by_label(SLICES).focus()
    hands.page.keyboard.press("Escape")


def report(hands, by):
    with (
        hands.page.context.expect_event("response", lambda each: "/report.pdf" in each.url and each.status == 200),
        hands.page.context.expect_page() as tab,
    ):
        hands.key("d") if by == "keyboard" else hands.click(hands.page.get_by_role("link", name="Report"))
    tab.value.close()


def review(hands, by, served, job):
    choice, state = hands.page.get_by_label("Review"), {"keyboard": "accepted", "mouse": "needs_correction"}[by]
    hands.key("y") if by == "keyboard" else hands.choose(choice, "Needs correction")
    expect(choice).to_have_value(state)
    expect(hands.page.locator(f".review.{state}")).to_be_visible()
    with served.client() as client:
        assert client.get(f"/v1/jobs/{job}").json()["review"] == state


def send(hands, by, served, job, pacs, axe):
    with served.client() as client:
        own = pydicom.dcmread(io.BytesIO(client.get(f"/v1/jobs/{job}/segmentation.dcm").content)).StudyInstanceUID

    def arrived():  # results of other tests may arrive meanwhile
        return sum(own.encode() in body for body in pacs.requests)

    before = arrived()
    if by == "keyboard":
        hands.page.get_by_label(SLICES).focus()
        hands.key("t")
        button = hands.page.get_by_role("button", name="Send to pacs")
        expect(button).to_be_visible()
        hands.key("Tab", "Enter")
    else:
        hands.click(hands.page.get_by_role("button", name="Send to a PACS"))
        hands.click(hands.page.get_by_role("button", name="Send to pacs"))
    with served.client() as client:
        version = client.get(f"/v1/jobs/{job}").json()["revision"]
    newest = hands.page.get_by_label("Sent before").get_by_role("listitem").filter(has_text=f"Version {version}")
    expect(newest).to_be_visible()
    if by == "keyboard":  # that of the mouse goes the same way
        expect(newest).to_contain_text("arrived")
        assert arrived() == before + 1
        themed_shots(hands.page, "send")
        assert violations(hands.page, axe) == []
    hands.page.keyboard.press("Escape")
    expect(hands.page.locator("dialog")).to_have_count(0)  # while it is open, a key of the result means nothing


def compare(hands, by, job, result):
    """Chooses the other study among the first ones that the dialog lists."""
    dialog = hands.page.get_by_role("dialog")
    if by == "keyboard":
        hands.page.get_by_label(SLICES).focus()
        hands.key("b")
        dialog.get_by_role("listitem").first.wait_for()
        dialog.get_by_label("Search").focus()  # where the dialog begins
        hands.key("Tab", "Enter")
    else:
        hands.click(hands.page.get_by_role("button", name="Compare with…"))
        hands.click(dialog.get_by_role("listitem").first.get_by_role("button"))
    hands.page.wait_for_url(re.compile(f"#/compare/.*{job}"))
    expect(hands.page.get_by_role("table")).to_be_visible()


def search(hands, by):
    if by == "keyboard":
        hands.key("/")
        expect(hands.page.get_by_label("Search")).to_be_focused()
    else:
        hands.click(hands.page.get_by_role("link", name="Archive"))
        hands.click(hands.page.get_by_label("Search"))
    hands.text("twelve")
    found(hands.page)


def table():
    """The numbers of docs/web.md: (keyboard, mouse) by task."""
    lines = DOCS.read_text().split("## Twelve tasks")[1].split("\n## ")[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    return {row[0]: {"keyboard": row[1], "mouse": row[2]} for row in rows[1:]}


@pytest.mark.parametrize("by", ["keyboard", "mouse"])
def test_every_task_takes_the_actions_that_the_docs_name(page, served, job, result, pacs, axe, tmp_path, by):
    tasks = {
        "open a result": lambda hands: open_result(hands, by, job),
        "set the window": lambda hands: set_window(hands, by),
        "scroll by a slice": lambda hands: scroll(hands, by),
        "measure a length": lambda hands: measure(hands, by),
        "find the largest warning": lambda hands: largest_warning(hands, by, served, job),
        "show one organ alone": lambda hands: isolate(hands, by),
        "correct a part of an outline": lambda hands: correct(hands, by, served, job, tmp_path),
        "open the report to print": lambda hands: report(hands, by),
        "set the review state": lambda hands: review(hands, by, served, job),
        "send to a PACS": lambda hands: send(hands, by, served, job, pacs, axe),
        "compare two studies": lambda hands: compare(hands, by, job, result),
        "search the archive": lambda hands: search(hands, by),
    }
    counts = {}
    for name, task in tasks.items():
        hands = Hands(page)
        if page.locator(".workspace").count():
            page.get_by_label(SLICES).focus()
        task(hands)
        counts[name] = str(hands.count)
    assert counts == {name: numbers[by] for name, numbers in table().items() if name in counts}
    assert list(counts) == list(table())
