"""Ways in which one labelled slice becomes many: how bodies differ, and how scanners do.

Left and right are never exchanged: the liver, the stomach and the direction of the colon tell organs apart, and a
mirrored abdomen does not occur (about 1 in 10,000 people). Arrays are (rows, columns[, channels]).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Rng = np.random.Generator


@dataclass(frozen=True, slots=True)
class Augment:
    """How strong each change is; a probability where its name ends in `_chance`."""

    scale: float = 0.25
    stretch: float = 0.12
    degrees: float = 12.0
    shear: float = 0.08
    shift: float = 20.0
    bend: float = 6.0
    bend_chance: float = 0.8
    tone: float = 0.5
    field: float = 0.5
    noise: float = 0.06
    soften_chance: float = 0.35
    levels_chance: float = 0.4
    alone_chance: float = 0.25
    filling_chance: float = 0.4
    erase_chance: float = 0.1


def smooth_noise(rng: Rng, size: tuple[int, int], cells: int) -> Floats:
    """Noise of deviation about 1 that changes over 1/`cells` of the picture."""
    coarse = rng.normal(0.0, 1.0, (cells + 2, cells + 2)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC), dtype=np.float32)


def pull_grid(rng: Rng, centre: tuple[float, float], size: tuple[int, int], how: Augment) -> tuple[Floats, Floats]:
    """Where each pixel of a picture of `size` is taken from: (columns, rows), around `centre` (row, column)."""
    zoom = np.exp(rng.uniform(-how.scale, how.scale))
    stretch = np.exp(rng.uniform(-how.stretch, how.stretch))
    angle = np.deg2rad(rng.uniform(-how.degrees, how.degrees))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    skew = np.array([[1.0, rng.uniform(-how.shear, how.shear)], [0.0, 1.0]])
    matrix = turn @ skew @ np.diag([zoom * stretch, zoom / stretch])
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    y, x = y - (size[0] - 1) / 2, x - (size[1] - 1) / 2
    down, right = centre + rng.uniform(-how.shift, how.shift, 2)
    columns = (matrix[0, 0] * x + matrix[0, 1] * y + right).astype(np.float32)
    rows = (matrix[1, 0] * x + matrix[1, 1] * y + down).astype(np.float32)
    if rng.random() < how.bend_chance:
        for cells, strength in ((4, how.bend), (10, how.bend / 3)):
            amount = rng.uniform(0.0, strength)
            columns += amount * smooth_noise(rng, size, cells)
            rows += amount * smooth_noise(rng, size, cells)
    return columns, rows


def warp(image: Bytes, labels: Bytes, grid: tuple[Floats, Floats]) -> tuple[Bytes, Bytes]:
    """Image (rows, columns, channels) and labels pulled through a grid; outside is air."""
    columns, rows = grid
    moved = cv2.remap(image, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    marks = cv2.remap(labels, columns, rows, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(moved, dtype=np.uint8).reshape(*columns.shape, -1), np.asarray(marks, dtype=np.uint8)


def tone_curve(rng: Rng, strength: float) -> Floats:
    """A table (256,) of grey levels 0 to 1: gamma and a gently bent curve, black stays black."""
    x = np.linspace(0.0, 1.0, 256)
    gamma = np.exp(rng.uniform(-strength, strength))
    knots = np.linspace(0.0, 1.0, 6)
    bent = knots + rng.normal(0.0, 0.06 * strength / 0.5, 6)
    bent[0] = 0.0
    curve = np.interp(x**gamma, knots, bent) * np.exp(rng.uniform(-0.25, 0.25))
    return np.asarray(curve, dtype=np.float32)


def refill(rng: Rng, image: Floats, labels: Bytes) -> Floats:
    """Organs with another content: food, fluid and gas change the grey level of each part from day to day.

    Gas is dark and, in a patient on the back, lies in front (above, in the picture) of fluid, with a level between.
    """
    parts, marks = cv2.connectedComponents((labels % 255 > 0).astype(np.uint8))
    out = image.copy()
    for part in range(1, min(parts, 16)):
        chance = rng.random()
        inside = marks == part
        soft = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), rng.uniform(0.7, 2.0))[..., None]
        if chance < 0.5:
            out += soft * (image * np.float32(np.exp(rng.normal(0, 0.3)) - 1) + np.float32(rng.normal(0.0, 0.08)))
        elif chance < 0.65:
            rows = np.flatnonzero(inside.any(axis=1))
            soft[int(rng.uniform(rows[0], rows[-1] + 1)) :] = 0.0
            out += soft * (np.float32(rng.uniform(0.0, 0.08)) - out)
    return out


def scanner(rng: Rng, image: Floats, how: Augment) -> Floats:
    """Bias field, softness, noise, coarse grey levels and missing patches of a picture (rows, columns, channels)."""
    size = (image.shape[0], image.shape[1])
    field = np.exp(rng.uniform(0.0, how.field) * 0.5 * smooth_noise(rng, size, int(rng.integers(1, 4))))
    image = image * field[..., None]
    if rng.random() < how.soften_chance:
        soft = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.2))
        image = np.asarray(soft if rng.random() < 0.6 else image + rng.uniform(0.2, 1.0) * (image - soft))
    grain = np.float32(rng.uniform(0.0, how.noise)) * rng.standard_normal(image.shape, dtype=np.float32)
    image = np.abs(image + grain)
    if rng.random() < how.levels_chance:
        levels = rng.integers(20, 64)
        image = np.rint(image * levels) / levels
    if rng.random() < how.erase_chance:
        y, x = rng.integers(0, size[0]), rng.integers(0, size[1])
        image[y : y + rng.integers(10, 50), x : x + rng.integers(10, 50)] = rng.uniform(0.0, 0.8)
    return np.clip(image, 0.0, 1.0).astype(np.float32)


def vary(
    rng: Rng, image: Bytes, labels: Bytes, *, centre: tuple[float, float], size: tuple[int, int], how: Augment
) -> tuple[Floats, Bytes]:
    """One augmented example: float (channels, *size) in 0 to 1 and labels of `size`.

    `image` is (rows, columns, channels) with the slice itself in the middle channel.
    """
    moved, marks = warp(image, labels, pull_grid(rng, centre, size, how))
    picture = tone_curve(rng, how.tone)[moved]
    if rng.random() < how.filling_chance:
        picture = refill(rng, picture, marks)
    if rng.random() < how.alone_chance:
        middle = picture.shape[2] // 2
        picture = np.repeat(picture[..., middle : middle + 1], picture.shape[2], axis=2)
    picture = scanner(rng, picture, how)
    return np.ascontiguousarray(picture.transpose(2, 0, 1)), marks
