"""A picture of the surfaces, drawn with NumPy, so that no graphics driver is needed.

Triangles are drawn from back to front, so that a nearer one covers those behind it. That suffices for surfaces of small
triangles that do not cross. Light and colour are computed per pixel from interpolated normals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from services.mesher.results import MeshedOrgan
from services.mesher.surface.mesh import Mesh
from shared.arrays import Float32, Int64, UInt8

_BACKGROUND = (247, 248, 250)


@dataclass(frozen=True, slots=True)
class View:
    """A view from the front, turned by `azimuth` to the patient's left and raised by `elevation`, in degrees."""

    azimuth: float = 20.0
    elevation: float = 12.0

    def rotation(self) -> Float32:
        """Rows are the screen's right, up and towards-the-viewer directions in LPS."""
        a, e = np.radians(self.azimuth), np.radians(self.elevation)
        towards = np.array([np.sin(a) * np.cos(e), -np.cos(a) * np.cos(e), np.sin(e)])
        right = np.array([np.cos(a), np.sin(a), 0.0])
        return np.stack([right, np.cross(towards, right), towards]).astype(np.float32)


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
    canvas = np.empty((2 * size, 2 * size, 3), dtype=np.float32)
    canvas[:] = _BACKGROUND
    present = [(organ.mesh, organ.colour) for organ in organs if organ.mesh is not None]
    if present:
        _draw(canvas, present, (view or View()).rotation(), smooth)
    small = cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA)
    return np.clip(np.rint(small), 0, 255).astype(np.uint8)


def _draw(
    canvas: Float32, meshes: Sequence[tuple[Mesh, tuple[int, int, int]]], rotation: Float32, smooth: bool
) -> None:
    size = canvas.shape[0]
    starts = np.cumsum([0, *(len(mesh.vertices) for mesh, _ in meshes)])
    faces = np.concatenate([mesh.faces + start for (mesh, _), start in zip(meshes, starts, strict=False)])
    vertices = _fit(np.concatenate([mesh.vertices for mesh, _ in meshes]).astype(np.float32) @ rotation.T, size)
    normals = np.concatenate([mesh.normals for mesh, _ in meshes]).astype(np.float32) @ rotation.T
    colours = np.repeat(np.array([colour for _, colour in meshes]), [len(mesh.faces) for mesh, _ in meshes], axis=0)
    points = vertices[faces]
    facing = np.flatnonzero(_cross2(points[:, 1] - points[:, 0], points[:, 2] - points[:, 0]) < 0.0)
    order = facing[np.argsort(points[facing, :, 2].sum(axis=1), kind="stable")]
    points, faces = points[order], faces[order]
    pixel, shown = _rasterise(points, size)
    if smooth:
        normal = np.einsum("pk,pkc->pc", _weights(pixel, points[shown], size), normals[faces[shown]])
    else:
        flat = np.cross(points[:, 1] - points[:, 0], points[:, 2] - points[:, 0])
        normal = (flat * np.array([-1.0, 1.0, -1.0], np.float32))[shown]  # the y axis of the canvas points down
    canvas.reshape(-1, 3)[pixel] = _shade(normal, colours[order[shown]].astype(np.float32))


def _fit(points: Float32, size: int) -> Float32:
    """Scale and shift points so that they fill the canvas: x to the right, y down, z towards the viewer, in pixels."""
    low, high = points.min(axis=0), points.max(axis=0)
    scale = 0.92 * size / max(high[0] - low[0], high[1] - low[1], 1e-9)
    shift = np.array([size / 2.0, size / 2.0, 0.0])
    fitted: Float32 = ((points - (low + high) / 2.0) * np.array([scale, -scale, scale]) + shift).astype(np.float32)
    return fitted


def _rasterise(points: Float32, size: int) -> tuple[Int64, Int64]:
    """Return the covered pixels and the triangle that each one shows; of several, the last one in `points` (n, 3, 3).

    So triangles must come sorted from back to front (the painter's algorithm). A triangle covers the pixels whose
    centres lie in it; each row of it is one span between its longest edge in y and one of the two others.
    """
    by_y = np.take_along_axis(points[:, :, :2], np.argsort(points[:, :, 1], axis=1)[:, :, None], axis=1)
    first = np.clip(np.ceil(by_y[:, 0, 1] - 0.5), 0, size).astype(np.int64)
    last = np.clip(np.ceil(by_y[:, 2, 1] - 0.5), 0, size).astype(np.int64)
    owner, row = _expand(first, last)
    top, middle, bottom = (by_y[owner, corner] for corner in range(3))
    y = row.astype(np.float32) + np.float32(0.5)
    upper = y < middle[:, 1]
    start, end = np.where(upper[:, None], top, middle), np.where(upper[:, None], middle, bottom)
    sides = np.sort(np.stack([_crossing(y, top, bottom), _crossing(y, start, end)]), axis=0)
    left, right = np.clip(np.ceil(sides - 0.5), 0, size).astype(np.int64)
    span, column = _expand(left, right)
    shown = np.full(size * size, -1, dtype=np.int64)
    shown[row[span] * size + column] = owner[span]  # where an index repeats, NumPy keeps the last value
    pixel = np.flatnonzero(shown >= 0)
    return pixel, shown[pixel]


def _expand(first: Int64, last: Int64) -> tuple[Int64, Int64]:
    """Return for each integer of the ranges first..last-1, in their order, the number of its range and itself."""
    lengths = np.maximum(last - first, 0)
    owner = np.repeat(np.arange(len(lengths)), lengths)
    starts = np.cumsum(lengths) - lengths
    return owner, np.arange(len(owner)) - starts[owner] + first[owner]


def _crossing(y: Float32, start: Float32, end: Float32) -> Float32:
    """Return x where the edges from `start` to `end` cross these heights; both triangles at an edge get the same x."""
    height = end[:, 1] - start[:, 1]
    part = (y - start[:, 1]) / np.where(height == 0.0, np.float32(1.0), height)
    crossing: Float32 = start[:, 0] + part * (end[:, 0] - start[:, 0])
    return crossing


def _weights(pixel: Int64, corners: Float32, size: int) -> Float32:
    """Return the barycentric weights (n, 3) of the pixels' centres in their triangles."""
    at = np.stack([pixel % size, pixel // size], axis=1).astype(np.float32) + np.float32(0.5)
    a, b, c = (corners[:, corner, :2] for corner in range(3))
    doubled = _cross2(b - a, c - a)
    second, third = _cross2(at - a, c - a) / doubled, _cross2(b - a, at - a) / doubled
    return np.stack([1.0 - second - third, second, third], axis=1)


def _cross2(u: Float32, v: Float32) -> Float32:
    product: Float32 = u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]
    return product


def _shade(normal: Float32, paint: Float32) -> Float32:
    """Two lights and a highlight (Blinn 1977), in display space; intensities and directions were chosen by eye."""
    unit = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), np.float32(1e-12))
    key, fill = np.array([-0.4, 0.55, 0.74], np.float32), np.array([0.75, -0.1, 0.65], np.float32)
    half = key + np.array([0.0, 0.0, 1.0], np.float32)
    diffuse = 0.3 + 0.6 * np.clip(unit @ key, 0.0, None) + 0.22 * np.clip(unit @ fill, 0.0, None)
    gloss = np.clip(unit @ (half / np.linalg.norm(half)), 0.0, None) ** 40
    shaded: Float32 = np.clip(paint * diffuse[:, None] + 60.0 * gloss[:, None], 0.0, 255.0)
    return shaded
