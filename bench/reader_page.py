"""A simulated reader in the real page: it looks at the largest wrong part, clicks it, and chooses its organ."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from playwright.sync_api import Page, expect, sync_playwright
from scipy import ndimage

from shared.arrays import Bool, UInt8
from tests.support.pages import FLAGS, point_of
from training.reader import Action, neighbours

_PATIENCE_MS = 120_000


@dataclass(slots=True)
class PageReader:
    """A page that shows the result of a job, and the number of the version that it shows."""

    page: Page
    titles: dict[int, str]
    revision: int = 1

    def act(self, labels: UInt8, action: Action) -> float:
        """Give the part that an action names its label by keys and clicks; return the seconds until its model is shown.

        `labels` is the label map that the page shows, (slice, row, column) with slices towards the feet.
        """
        slice_, row, column = _place_to_click(labels, action)
        started = time.monotonic()
        self._go_to(slice_, len(labels))
        self.page.mouse.click(*point_of(self.page, labels.shape, column, row))
        menu = self.page.get_by_role("menu")
        if action.in_slice:
            menu.get_by_role("menuitemradio", name="In this slice").click()
        menu.get_by_role("menuitem", name=self.titles.get(action.label, "Not an organ"), exact=True).click()
        self.revision += 1
        said = self.page.get_by_text(f"Saved as version {self.revision}", exact=True)
        expect(said).to_be_attached(timeout=_PATIENCE_MS)
        return time.monotonic() - started

    def _go_to(self, slice_: int, count: int) -> None:
        """Press keys until the axial slice has a number; the first is at the head."""
        self.page.get_by_label("Slices with outlines").focus()
        shown = self.page.locator('[data-tile="axial"]').get_by_text(f"/{count}")
        here = int(shown.inner_text().split()[-1].split("/")[0]) - 1
        for _ in range(abs(slice_ - here)):
            self.page.keyboard.press("PageDown" if slice_ > here else "PageUp")
        expect(shown).to_contain_text(f"{slice_ + 1}/{count}")


@contextmanager
def open_page(url: str, job: str, titles: dict[int, str]) -> Iterator[PageReader]:
    """Yield a reader whose page shows a job and has the tool that corrects."""
    with sync_playwright() as playwright:
        program = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 860})
        page.set_default_timeout(_PATIENCE_MS)
        page.goto(url)
        page.get_by_role("navigation").wait_for()
        page.goto(f"{url}/#/jobs/{job}")
        page.wait_for_function("() => window.viscera?.scene().plane")
        page.get_by_label("Slices with outlines").focus()
        page.keyboard.press("e")
        yield PageReader(page, titles)
        browser.close()


def _place_to_click(labels: UInt8, action: Action) -> tuple[int, int, int]:
    """Return the voxel where somebody clicks a part: the deepest one of the slice in which it is largest."""
    parts, _ = ndimage.label(labels == labels[action.at], neighbours(in_slice=action.in_slice))
    part: Bool = parts == parts[action.at]
    slice_ = int(part.sum(axis=(1, 2)).argmax())
    depth = ndimage.distance_transform_edt(np.pad(part[slice_], 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return slice_, int(row), int(column)
