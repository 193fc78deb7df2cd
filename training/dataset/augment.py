"""Augmentation of labelled slices: differences between bodies and between scanners.

Slices are never mirrored: the liver, the stomach and the direction of the colon tell organs apart, and a mirrored
abdomen is rare (about 1 in 10,000 people). Arrays are (rows, columns[, channels]).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from shared.arrays import Float32, UInt8

Rng = np.random.Generator


@dataclass(frozen=True, slots=True)
class AugmentConfig:
    """The strength of each change; a probability where the name ends in `_chance`.

    `scale`, `stretch` and `tone` are natural logarithms of factors, `shift` and `bend` are pixels.
    """

    scale: float = 0.25
    stretch: float = 0.12
    degrees: float = 12.0
    shear: float = 0.08
    shift: float = 20.0
    bend: float = 6.0
    bend_chance: float = 0.8
    tone: float = 0.5
    bias_field: float = 0.5
    noise: float = 0.06
    soften_chance: float = 0.35
    levels_chance: float = 0.4
    alone_chance: float = 0.25
    filling_chance: float = 0.4
    erase_chance: float = 0.1


def smooth_noise(rng: Rng, size: tuple[int, int], cells: int) -> Float32:
    """Noise (`size`) with a standard deviation of about 1 that varies over 1/`cells` of the image."""
    coarse = rng.normal(0.0, 1.0, (cells + 2, cells + 2)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC), dtype=np.float32)


def sampling_grid(
    rng: Rng, centre: tuple[float, float], size: tuple[int, int], config: AugmentConfig
) -> tuple[Float32, Float32]:
    """Source position of each pixel of an image of `size`, as (columns, rows), around `centre` (row, column)."""
    zoom = np.exp(rng.uniform(-config.scale, config.scale))
    stretch = np.exp(rng.uniform(-config.stretch, config.stretch))
    angle = np.deg2rad(rng.uniform(-config.degrees, config.degrees))
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shear = np.array([[1.0, rng.uniform(-config.shear, config.shear)], [0.0, 1.0]])
    matrix = rotation @ shear @ np.diag([zoom * stretch, zoom / stretch])
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    y, x = y - (size[0] - 1) / 2, x - (size[1] - 1) / 2
    down, right = centre + rng.uniform(-config.shift, config.shift, 2)
    columns = (matrix[0, 0] * x + matrix[0, 1] * y + right).astype(np.float32)
    rows = (matrix[1, 0] * x + matrix[1, 1] * y + down).astype(np.float32)
    if rng.random() < config.bend_chance:
        # A coarse and a fine elastic deformation; the fine one is weaker, so that the grid does not fold.
        for cells, strength in ((4, config.bend), (10, config.bend / 3)):
            amount = rng.uniform(0.0, strength)
            columns += amount * smooth_noise(rng, size, cells)
            rows += amount * smooth_noise(rng, size, cells)
    return columns, rows


def warp(image: UInt8, labels: UInt8, grid: tuple[Float32, Float32]) -> tuple[UInt8, UInt8]:
    """Image (rows, columns, channels) and labels sampled at a grid; outside of the image is air."""
    columns, rows = grid
    moved = cv2.remap(image, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    moved_labels = cv2.remap(labels, columns, rows, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(moved, dtype=np.uint8).reshape(*columns.shape, -1), np.asarray(moved_labels, dtype=np.uint8)


def tone_curve(rng: Rng, strength: float) -> Float32:
    """A lookup table (256,) of grey levels 0 to 1: a gamma and a smooth random curve; black stays black."""
    x = np.linspace(0.0, 1.0, 256)
    gamma = np.exp(rng.uniform(-strength, strength))
    knots = np.linspace(0.0, 1.0, 6)
    bent = knots + rng.normal(0.0, 0.06 * strength / 0.5, 6)
    bent[0] = 0.0
    curve = np.interp(x**gamma, knots, bent) * np.exp(rng.uniform(-0.25, 0.25))
    return np.asarray(curve, dtype=np.float32)


def refill(rng: Rng, image: Float32, labels: UInt8) -> Float32:
    """The image with other contents of the organs: food, fluid and gas change each part's grey level every day.

    Gas is dark. The patient lies on the back, so gas is above fluid in the image, with a level between them.
    """
    # IGNORE (255) and background (0) are both 0 modulo 255.
    count, parts = cv2.connectedComponents((labels % 255 > 0).astype(np.uint8))
    out = image.copy()
    for part in range(1, min(count, 16)):
        chance = rng.random()
        inside = parts == part
        soft = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), rng.uniform(0.7, 2.0))[..., None]
        if chance < 0.5:
            out += soft * (image * np.float32(np.exp(rng.normal(0, 0.3)) - 1) + np.float32(rng.normal(0.0, 0.08)))
        elif chance < 0.65:
            rows = np.flatnonzero(inside.any(axis=1))
            soft[int(rng.uniform(rows[0], rows[-1] + 1)) :] = 0.0
            out += soft * (np.float32(rng.uniform(0.0, 0.08)) - out)
    return out


def scanner(rng: Rng, image: Float32, config: AugmentConfig) -> Float32:
    """The image (rows, columns, channels) with bias field, blur, noise, coarse grey levels and missing patches."""
    size = (image.shape[0], image.shape[1])
    log_field = rng.uniform(0.0, config.bias_field) * 0.5 * smooth_noise(rng, size, int(rng.integers(1, 4)))
    image = image * np.exp(log_field)[..., None]
    if rng.random() < config.soften_chance:
        soft = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.2))
        image = np.asarray(soft if rng.random() < 0.6 else image + rng.uniform(0.2, 1.0) * (image - soft))
    noise = np.float32(rng.uniform(0.0, config.noise)) * rng.standard_normal(image.shape, dtype=np.float32)
    image = np.abs(image + noise)
    if rng.random() < config.levels_chance:
        levels = rng.integers(20, 64)
        image = np.rint(image * levels) / levels
    if rng.random() < config.erase_chance:
        y, x = rng.integers(0, size[0]), rng.integers(0, size[1])
        image[y : y + rng.integers(10, 50), x : x + rng.integers(10, 50)] = rng.uniform(0.0, 0.8)
    return np.clip(image, 0.0, 1.0).astype(np.float32)


def augment(
    rng: Rng, image: UInt8, labels: UInt8, *, centre: tuple[float, float], size: tuple[int, int], config: AugmentConfig
) -> tuple[Float32, UInt8]:
    """One augmented example: float (channels, *size) in 0 to 1, and labels of `size`.

    `image` is (rows, columns, channels) with the labelled slice in the middle channel.
    """
    moved, moved_labels = warp(image, labels, sampling_grid(rng, centre, size, config))
    picture = tone_curve(rng, config.tone)[moved]
    if rng.random() < config.filling_chance:
        picture = refill(rng, picture, moved_labels)
    if rng.random() < config.alone_chance:  # as if the slice had no neighbours
        middle = picture.shape[2] // 2
        picture = np.repeat(picture[..., middle : middle + 1], picture.shape[2], axis=2)
    picture = scanner(rng, picture, config)
    return np.ascontiguousarray(picture.transpose(2, 0, 1)), moved_labels
