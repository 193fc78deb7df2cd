"""What several tests of the page do and look up."""

import os
from pathlib import Path

import cv2
import nibabel as nib
import numpy as np

from shared.imaging.geometry import Geometry


def shot(page, name, **options):
    """Keeps a picture of the page in the folder VISCERA_SHOTS, if that is set."""
    if folder := os.environ.get("VISCERA_SHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png", **options)


SIZES = ((1440, 900), (1024, 768), (820, 1180), (390, 844))


def sized_shots(page, name, **options):
    """Keeps pictures of the page in four sizes, if pictures are kept."""
    before = page.viewport_size
    for width, height in SIZES if os.environ.get("VISCERA_SHOTS") else ():
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(600)
        shot(page, f"{name}-{width}", **options)
    page.set_viewport_size(before)


def themed_shots(page, name):
    """Keeps them light and dark."""
    for scheme in ("light", "dark") if os.environ.get("VISCERA_SHOTS") else ():
        page.emulate_media(color_scheme=scheme)
        sized_shots(page, f"{name}-{scheme}")
    page.emulate_media(color_scheme=None)


RULES = "{runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}"


def violations(page, axe):
    """What axe-core finds wrong with the page; `axe` is its script."""
    page.evaluate(axe)
    found = page.evaluate(f"axe.run(document, {RULES}).then(answer => answer.violations)")
    return [(rule["id"], [node["html"][:120] for node in rule["nodes"]]) for rule in found]


def scene(page):
    """What the page tells of its scene."""
    return page.evaluate("viscera.scene()")


def choose(page, menu, item=None):
    """Opens a menu of the tools and chooses an item of it, if one is named."""
    page.get_by_role("button", name=menu, exact=True).click()
    if item:
        page.get_by_role("group", name=menu, exact=True).get_by_role("button", name=item).click()


def show(page, url, job):
    """Opens a result and waits until slices and model are there."""
    page.goto(url)
    page.get_by_role("navigation").wait_for()
    page.goto(f"{url}/#/jobs/{job}")
    wait_shown(page)


def start_stopped_upload(page, scan):
    """Starts to send a scan whose parts stop on the way until `page.unroute_all()`; returns what was stopped."""
    stopped = []
    page.route("**/v1/uploads/*/parts/*", lambda route: stopped.append(route))  # noqa: PLW0108 - no built-in method
    page.set_input_files("input[data-files]", scan)
    with page.expect_request("**/v1/uploads/*/parts/*"):
        page.get_by_role("button", name="Start").click()
    return stopped


def wait_shown(page):
    page.wait_for_function("() => window.viscera?.scene().plane", timeout=90_000)


def mark_rows(page):
    """The list of measurements and arrows."""
    return page.locator("section.marks .organ-row")


def eventually(page, condition):
    """Whether something becomes true while the page continues."""
    for _ in range(1200):
        if condition():
            return True
        page.wait_for_timeout(50)
    return False


def outline(canvas, colour):
    """Where an outline of a colour (RGB) is in the picture of a canvas (rows, columns), once it is drawn."""
    canvas.page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    for _ in range(200):
        picture = cv2.imdecode(np.frombuffer(canvas.screenshot(), np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1].astype(int)
        rim = np.abs(picture - colour).max(axis=2) < 12
        if rim.sum() > 30:
            return rim
        canvas.page.wait_for_timeout(100)
    raise AssertionError("the outline is not drawn")


class Truth:
    """The label map that the service gives, asked in patient coordinates."""

    def __init__(self, path):
        image = nib.load(path)
        self.data = np.asarray(image.dataobj).T
        self.geometry = Geometry.from_ras(self.data.shape, image.affine)

    def label(self, lps):
        column, row, slice_ = np.rint(self.geometry.to_index(np.array(lps))).astype(int)
        return int(self.data[slice_, row, column])

    def near(self, lps, label, reach=2):
        """Whether a voxel of the label is within some voxels of a patient point."""
        column, row, slice_ = np.rint(self.geometry.to_index(np.array(lps))).astype(int)
        low = [max(0, n - reach) for n in (slice_, row, column)]
        part = self.data[low[0] : slice_ + reach + 1, low[1] : row + reach + 1, low[2] : column + reach + 1]
        return bool((part == label).any())

    def box(self, label, centre):
        """The label's bounding box in the scene's metres, by its voxels' centres."""
        index = np.argwhere(self.data == label)[:, ::-1]
        points = (self.geometry.to_patient(index) - np.array(centre)) / 1000.0
        turned = np.stack([points[:, 0], points[:, 2], -points[:, 1]], axis=1)
        return turned.min(axis=0), turned.max(axis=0)
