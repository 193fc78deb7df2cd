"""A picture of the surfaces, drawn with NumPy, so that no graphics driver is needed.

Triangles are drawn with a depth buffer; light and colour are computed per pixel from interpolated normals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from services.mesher.results import MeshedOrgan
from shared.arrays import Float64, Int64, UInt8

_BACKGROUND = (247, 248, 250)
_TILE = 6
"""Triangles wider than this many pixels are split before they are drawn."""


@dataclass(frozen=True, slots=True)
class View:
    """A view from the front, turned by `azimuth` to the patient's left and raised by `elevation`, in degrees."""

    azimuth: float = 20.0
    elevation: float = 12.0

    def rotation(self) -> Float64:
        """Rows are the screen's right, up and towards-the-viewer directions in LPS."""
        a, e = np.radians(self.azimuth), np.radians(self.elevation)
        towards = np.array([np.sin(a) * np.cos(e), -np.cos(a) * np.cos(e), np.sin(e)])
        right = np.array([np.cos(a), np.sin(a), 0.0])
        return np.stack([right, np.cross(towards, right), towards])


def thumbnail_png(organs: Sequence[MeshedOrgan], size: int = 512) -> bytes:
    """A PNG (size x size, sRGB) of all surfaces, seen from the front; only background where there is no surface."""
    ok, encoded = cv2.imencode(".png", render(organs, size)[:, :, ::-1])
    if not ok:
        raise RuntimeError("the picture could not be written as PNG")
    return encoded.tobytes()


def render(organs: Sequence[MeshedOrgan], size: int, view: View | None = None, smooth: bool = True) -> UInt8:
    """The picture (row, column, RGB); without `smooth` every triangle is flat.

    It is drawn in twice the size and reduced, which smooths the edges.
    """
    canvas = np.empty((2 * size, 2 * size, 3), dtype=np.float64)
    canvas[:] = _BACKGROUND
    present = [organ for organ in organs if organ.mesh is not None]
    if present:
        _draw(canvas, present, (view or View()).rotation(), smooth)
    small = cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA)
    return np.clip(np.rint(small), 0, 255).astype(np.uint8)


def _draw(canvas: Float64, organs: Sequence[MeshedOrgan], rotation: Float64, smooth: bool) -> None:
    corners, normals, colours = [], [], []
    for organ in organs:
        mesh = organ.mesh
        if mesh is None:
            continue
        corners.append((mesh.vertices @ rotation.T)[mesh.faces])
        normals.append((mesh.normals.astype(np.float64) @ rotation.T)[mesh.faces])
        colours.append(np.tile(np.array(organ.colour, dtype=np.float64), (len(mesh.faces), 1)))
    points, vectors, paint = np.concatenate(corners), np.concatenate(normals), np.concatenate(colours)
    size = canvas.shape[0]
    low, high = points.min(axis=(0, 1)), points.max(axis=(0, 1))
    scale = 0.92 * size / max(high[0] - low[0], high[1] - low[1], 1e-9)
    middle = (low + high) / 2.0
    points = (points - middle) * [scale, -scale, scale] + [size / 2.0, size / 2.0, 0.0]
    if not smooth:
        flat = np.cross(points[:, 1] - points[:, 0], points[:, 2] - points[:, 0]) * [-1.0, 1.0, -1.0]
        vectors = np.repeat(flat[:, None], 3, axis=1)
    facing = _cross2(points[:, 1] - points[:, 0], points[:, 2] - points[:, 0]) < 0.0
    points, vectors, paint = _split(points[facing], vectors[facing], paint[facing])
    pixel, winner, weights = _rasterise(points, size)
    normal = np.einsum("pk,pkc->pc", weights, vectors[winner])
    canvas.reshape(-1, 3)[pixel] = _shade(normal, paint[winner])


def _split(points: Float64, vectors: Float64, paint: Float64) -> tuple[Float64, Float64, Float64]:
    """Split triangles in four until each spans at most a tile."""
    while True:
        extent = np.ptp(points[:, :, :2], axis=1).max(axis=1, initial=0.0)
        large = extent > _TILE
        if not large.any():
            return points, vectors, paint
        points = np.concatenate([points[~large], _quarters(points[large])])
        vectors = np.concatenate([vectors[~large], _quarters(vectors[large])])
        paint = np.concatenate([paint[~large], np.tile(paint[large], (4, 1))])


def _quarters(corners: Float64) -> Float64:
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    ab, bc, ca = (a + b) / 2.0, (b + c) / 2.0, (c + a) / 2.0
    return np.concatenate([np.stack(t, axis=1) for t in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))])


def _cross2(u: Float64, v: Float64) -> Float64:
    product: Float64 = u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]
    return product


def _rasterise(points: Float64, size: int) -> tuple[Int64, Int64, Float64]:
    """The frontmost triangle of each covered pixel: pixel numbers, triangle numbers and barycentric weights (n, 3).

    All triangles are small, so each is tested against the same number of pixels, from its lowest corner on.
    """
    first = np.floor(points[:, :, :2].min(axis=1)).astype(np.int64)
    a, b, c = points[:, 0], points[:, 1], points[:, 2]
    doubled = _cross2(b - a, c - a)
    pixels, numbers, depths = [], [], []
    for dy in range(_TILE + 2):
        for dx in range(_TILE + 2):
            at = first + np.array([dx, dy])
            weights = _weights(at + 0.5, a, b, c, doubled)
            hit = (weights.min(axis=1) >= -1e-9) & (at >= 0).all(axis=1) & (at < size).all(axis=1)
            pixels.append(at[hit, 1] * size + at[hit, 0])
            numbers.append(np.flatnonzero(hit))
            depths.append((weights[hit] * points[hit, :, 2]).sum(axis=1))
    pixel, number, depth = np.concatenate(pixels), np.concatenate(numbers), np.concatenate(depths)
    order = np.lexsort((-depth, pixel))
    pixel, number = pixel[order], number[order]
    front = np.append(True, pixel[1:] != pixel[:-1])[: len(pixel)]
    pixel, number = pixel[front], number[front]
    centre = np.stack([pixel % size, pixel // size], axis=1) + 0.5
    return pixel, number, _weights(centre, a[number], b[number], c[number], doubled[number])


def _weights(at: Float64, a: Float64, b: Float64, c: Float64, doubled: Float64) -> Float64:
    safe = np.where(doubled == 0.0, 1.0, doubled)
    wb, wc = _cross2(at - a[:, :2], c - a) / safe, _cross2(b - a, at - a[:, :2]) / safe
    weights: Float64 = np.where(doubled[:, None] == 0.0, -1.0, np.stack([1.0 - wb - wc, wb, wc], axis=1))
    return weights


def _shade(normal: Float64, paint: Float64) -> Float64:
    """Two lights and a highlight (Blinn 1977), in display space; intensities and directions were chosen by eye."""
    unit = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    key, fill = np.array([-0.4, 0.55, 0.74]), np.array([0.75, -0.1, 0.65])
    half = key + np.array([0.0, 0.0, 1.0])
    diffuse = 0.3 + 0.6 * np.clip(unit @ key, 0.0, None) + 0.22 * np.clip(unit @ fill, 0.0, None)
    gloss = np.clip(unit @ (half / np.linalg.norm(half)), 0.0, None) ** 40
    shaded: Float64 = np.clip(paint * diffuse[:, None] + 60.0 * gloss[:, None], 0.0, 255.0)
    return shaded
