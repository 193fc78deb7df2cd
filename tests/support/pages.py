"""Where things are in the page: for the tests of the web application, and for programs that use it as a person does."""

from __future__ import annotations

import re
from typing import Any

FLAGS = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--no-sandbox"]
"""Of Chromium on a machine without a graphics processor."""


def point_of(page: Any, shape: tuple[int, ...], column: int, row: int) -> tuple[float, float]:
    """Return where a voxel of the axial slice is in a picture that is not moved, in pixels of the page.

    `shape` is that of the label map, (slices, rows, columns). Columns run to the left, rows to the back.
    """
    tile = page.locator('[data-tile="axial"]')
    box, (rows, columns) = tile.bounding_box(), shape[1:]
    zoom = float(re.search(r"([\d.]+)×", tile.inner_text())[1])
    scale = zoom * min(box["width"] / columns, box["height"] / rows)
    x = box["x"] + box["width"] / 2 + (column - (columns - 1) / 2) * scale
    y = box["y"] + box["height"] / 2 + (row - (rows - 1) / 2) * scale
    return x, y
