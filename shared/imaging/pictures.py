"""Draws a slice as a PNG: windowed, in the radiological view, with the outlines of the organs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.imaging.geometry import Floats
from shared.imaging.volume import ORGANS, Organ

CT_WINDOW = (40.0, 400.0)
"""Centre and width in HU of the usual soft-tissue window."""
MOST_PIXELS = 2048
"""Width and height of a picture at most."""
_GREY = (136, 136, 136)
_SIDES = {0: ("R", "L"), 1: ("A", "P")}


def slice_png(
    pixels: NDArray[Any],
    affine: Floats,
    *,
    modality: str,
    labels: NDArray[np.uint8] | None = None,
    organs: Sequence[Organ] = ORGANS,
    window: tuple[float, float] | None = None,
) -> bytes:
    """Return a slice as PNG, as `draw_slice` draws it."""
    picture = draw_slice(pixels, affine, modality=modality, labels=labels, organs=organs, window=window)
    return _encoded(".png", picture)


def slice_jpeg(
    pixels: NDArray[Any],
    affine: Floats,
    *,
    modality: str,
    labels: NDArray[np.uint8],
    organs: Sequence[Organ],
    longer: int,
) -> bytes:
    """Return a slice with outlines as JPEG, as `draw_slice` draws it, whose longer side has `longer` pixels."""
    picture = draw_slice(pixels, affine, modality=modality, labels=labels, organs=organs, longer=longer)
    # Without halved colours, which would fade outlines of one pixel.
    sampling = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)
    return _encoded(".jpg", picture, cv2.IMWRITE_JPEG_QUALITY, 85, *sampling)


def _encoded(kind: str, picture: NDArray[Any], *options: int) -> bytes:
    done, encoded = cv2.imencode(kind, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)
    if not done:
        raise ValueError("the slice can't be encoded")
    return bytes(encoded)


def draw_slice(
    pixels: NDArray[Any],
    affine: Floats,
    *,
    modality: str,
    labels: NDArray[np.uint8] | None = None,
    organs: Sequence[Organ] = ORGANS,
    window: tuple[float, float] | None = None,
    longer: int | None = None,
) -> NDArray[Any]:
    """Return a slice (row, column) as a picture (row, column, RGB, uint8) with square pixels; with `labels`, outlines
    in the colours of the `organs` and the patient's sides are drawn.

    `affine` (column, row, slice) to LPS mm turns the picture: the patient's left is on the viewer's right and
    posterior, or in upright planes the feet, is below. `window` is (centre, width) in the scan's units; the default is
    40/400 HU for CT, and the 1st to 99th percentile otherwise. `longer` is the number of pixels of the longer side.
    """
    steps = [max(1, -(-count // MOST_PIXELS)) for count in pixels.shape]
    if steps != [1, 1]:  # every n-th pixel is enough for a picture of this size
        pixels, affine = pixels[:: steps[0], :: steps[1]], affine * [[steps[1], steps[0], 1.0, 1.0]]
        labels = None if labels is None else labels[:: steps[0], :: steps[1]]
    columns, rows = _axes(affine)
    grey = _windowed(pixels.astype(np.float32), modality, window)
    picture: NDArray[Any] = cv2.cvtColor(_turned(grey, columns, rows), cv2.COLOR_GRAY2RGB)
    scale = _scale(affine, columns[0] > rows[0], picture.shape, longer)
    picture = cv2.resize(picture, scale, interpolation=cv2.INTER_LINEAR)
    if labels is not None:
        shown = cv2.resize(_turned(labels, columns, rows), scale, interpolation=cv2.INTER_NEAREST)
        _outline(picture, shown, organs, 2 if longer else 1)
        _name_sides(picture, min(columns[0], rows[0]))
    return picture


def _axes(affine: Floats) -> tuple[tuple[int, bool], tuple[int, bool]]:
    """Return the patient axis (0 x, 1 y, 2 z) of columns and of rows, each with whether it runs backwards."""
    directions = affine[:3, :2] / np.linalg.norm(affine[:3, :2], axis=0)
    column = int(np.abs(directions[:, 0]).argmax())
    rest = np.abs(directions[:, 1])
    rest[column] = -1.0
    row = int(rest.argmax())
    return (column, bool(directions[column, 0] < 0)), (row, bool(directions[row, 1] < 0))


def _turned(image: NDArray[Any], columns: tuple[int, bool], rows: tuple[int, bool]) -> NDArray[Any]:
    """Return the image with the lower patient axis to the right and the higher one downwards, but the head above."""
    image = image[:: -1 if rows[1] else 1, :: -1 if columns[1] else 1]
    if columns[0] > rows[0]:
        image = image.T
    if max(columns[0], rows[0]) == 2:
        image = image[::-1, :]
    return np.ascontiguousarray(image)


def _scale(affine: Floats, transposed: bool, shape: tuple[int, ...], longer: int | None) -> tuple[int, int]:
    """Return width and height in pixels that give both directions the finer one's millimetres per pixel.

    Neither is above `MOST_PIXELS`: pixels of 0.02 x 40 mm would make a picture of millions of rows. With `longer`, the
    longer one has that many pixels.
    """
    column, row = np.linalg.norm(affine[:3, :2], axis=0)
    wide, high = (row, column) if transposed else (column, row)
    finer = min(wide, high)
    width, height = shape[1] * wide / finer, shape[0] * high / finer
    shrink = max(width, height) / longer if longer else max(width / MOST_PIXELS, height / MOST_PIXELS, 1.0)
    return max(1, round(width / shrink)), max(1, round(height / shrink))


def _windowed(pixels: NDArray[np.float32], modality: str, window: tuple[float, float] | None) -> NDArray[np.uint8]:
    if window is None and modality != "CT":
        low, high = (float(value) for value in np.percentile(pixels, (1.0, 99.5)))
    else:
        centre, width = window or CT_WINDOW
        low, high = centre - width / 2.0, centre + width / 2.0
    grey = np.clip((pixels - low) / max(high - low, 1e-6), 0.0, 1.0) * 255.0
    return np.asarray(grey, dtype=np.uint8)


def _outline(picture: NDArray[Any], labels: NDArray[Any], organs: Sequence[Organ], thickness: int) -> None:
    colours = {organ.id: organ.colour for organ in organs}
    for label in np.unique(labels[labels > 0]):
        contours, _ = cv2.findContours((labels == label).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(picture, contours, -1, colours.get(int(label), _GREY), thickness)


def _name_sides(picture: NDArray[Any], axis: int) -> None:
    left, right = _SIDES[axis]
    middle = picture.shape[0] // 2
    for text, x in ((left, 4), (right, picture.shape[1] - 14)):
        cv2.putText(picture, text, (x, middle), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1, cv2.LINE_AA)
