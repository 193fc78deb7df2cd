"""What a drawn shape measures: lengths in mm, angles in degrees, areas in cm2, and the scan's values in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from services.api.volumes import StoredVolume
from shared.errors import Unprocessable
from shared.imaging.geometry import Floats
from shared.ledger.measurements import Amount, Shape

_AT_ONCE = 1 << 20
"""Voxels of an area that are read and compared at once."""
_SAME_MM = 0.1
"""Both diameters of an ellipse have their middle at the same place up to this distance."""
_POINTS = {"length": (2, 2), "angle": (3, 3), "area": (4, 4), "probe": (1, 1), "polygon": (3, 50), "arrow": (2, 2)}
"""The least and the most points by kind."""
_ON_SLICES, _ON_SURFACES = {"area", "probe"}, {"polygon", "arrow"}
"""Kinds that are drawn on slices only, and on surfaces only."""
_UNITS = {"CT": "[hnsf'U]"}
"""UCUM units of a scan's values by its modality; others have none."""


def measure(shape: Shape, volume: StoredVolume) -> Amount | None:
    """Return what a shape on a scan measures; an arrow measures nothing.

    Raises Unprocessable if its points make no such shape.
    """
    _check(shape)
    points = np.array(shape.points, dtype=np.float64)
    if shape.kind in {"length", "arrow"}:
        length = _positive(float(np.linalg.norm(points[1] - points[0])))
        return Amount(length, "mm") if shape.kind == "length" else None
    if shape.kind == "angle":
        return Amount(_angle(points), "deg")
    if shape.kind == "polygon":
        return Amount(_positive(polygon_area(points)) / 100.0, "cm2")
    if shape.kind == "area":
        return _area(points, volume)
    return Amount(_value(points[0], volume), _UNITS.get(volume.modality, "1"))


def polygon_area(points: Floats) -> float:
    """Return the area of a closed polygon (n, 3), which need not be flat: the length of its vector area.

    It is the largest area that its outline has in any direction of view, and that of the polygon where it is flat
    (Newell's normal; Sutherland, Sproull and Schumacker 1974).
    """
    around = points - points.mean(axis=0)
    return float(np.linalg.norm(np.cross(around, np.roll(around, -1, axis=0)).sum(axis=0))) / 2.0


def _check(shape: Shape) -> None:
    least, most = _POINTS[shape.kind]
    if not least <= len(shape.points) <= most:
        count = str(least) if least == most else f"{least} to {most}"
        raise _bad(f"A measurement of kind {shape.kind} has {count} points.")
    if shape.kind in (_ON_SLICES if shape.plane == "surface" else _ON_SURFACES):
        raise _bad(f"A measurement of kind {shape.kind} is not drawn on the plane {shape.plane}.")


def _bad(detail: str) -> Unprocessable:
    return Unprocessable(detail, "bad_measurement")


def _positive(size: float) -> float:
    if size <= 0.0:
        raise _bad("The points of the measurement are at the same place.")
    return size


def _angle(points: Floats) -> float:
    """Return the angle at the second of three points, in degrees."""
    first, second = points[0] - points[1], points[2] - points[1]
    size = _positive(float(np.linalg.norm(first) * np.linalg.norm(second)))
    return float(np.degrees(np.arctan2(np.linalg.norm(np.cross(first, second)), first @ second))) if size else 0.0


def _value(point: Floats, volume: StoredVolume) -> float:
    column, row, slice_ = (int(n) for n in np.rint(volume.geometry.to_index(point)))
    slices, rows, columns = volume.geometry.shape
    if not (0 <= slice_ < slices and 0 <= row < rows and 0 <= column < columns):
        raise _bad("The point of the measurement is outside the scan.")
    value = float(volume.rows(slice_, row, row + 1)[0, column])
    if not np.isfinite(value):
        raise _bad("The scan has no value at the point of the measurement.")
    return value


@dataclass(frozen=True, slots=True, eq=False)
class Ellipse:
    """The ellipse `centre` + cos(t) `first` + sin(t) `second`; all three are (x, y, z)."""

    centre: Floats
    first: Floats
    second: Floats


def _area(points: Floats, volume: StoredVolume) -> Amount:
    """Return the area of an ellipse from the ends of two conjugate diameters, and the statistics of its voxels."""
    first, second = (points[1] - points[0]) / 2.0, (points[3] - points[2]) / 2.0
    centre = points[:2].mean(axis=0)
    if np.linalg.norm(points[2:].mean(axis=0) - centre) > _SAME_MM:
        raise _bad("The two diameters of an area have their middle at different places.")
    area = _positive(float(np.pi * np.linalg.norm(np.cross(first, second)))) / 100.0
    origin = volume.geometry.to_index(np.zeros(3))
    steps = volume.geometry.to_index(np.stack([first, second])) - origin
    found = _statistics(Ellipse(volume.geometry.to_index(centre), steps[0], steps[1]), volume)
    return Amount(area, "cm2", found)


def _statistics(ellipse: Ellipse, volume: StoredVolume) -> dict[str, float] | None:
    """Return the statistics of the voxels with their centres in an ellipse of indices (column, row, slice).

    The voxels are those of one slice of the grid, through the ellipse's centre. They are read some rows at a time;
    the moments are merged by the method of Chan, Golub and LeVeque (1983). None where there is no voxel.
    """
    count, mean, squares, least, most = 0, 0.0, 0.0, np.inf, -np.inf
    for values in _inside(ellipse, volume):
        added, middle = values.size, float(values.mean())
        squares += float(((values - middle) ** 2).sum()) + (middle - mean) ** 2 * count * added / (count + added)
        mean += (middle - mean) * added / (count + added)
        count += added
        least, most = min(least, float(values.min())), max(most, float(values.max()))
    if not count:
        return None
    deviation = float(np.sqrt(squares / count))
    return {"mean": mean, "deviation": deviation, "least": least, "most": most, "voxels": count}


def _inside(ellipse: Ellipse, volume: StoredVolume) -> Iterator[Floats]:
    """Yield the finite values in the ellipse, some rows of a slice at a time."""
    extent = np.hypot(ellipse.first, ellipse.second)
    through = int(np.argmin(extent))
    flat = extent.copy()
    flat[through] = 0.0
    counts = volume.geometry.shape[::-1]
    low = np.maximum(np.where(flat > 0, np.ceil(ellipse.centre - flat), np.rint(ellipse.centre)), 0).astype(int)
    last = np.where(flat > 0, np.floor(ellipse.centre + flat), np.rint(ellipse.centre))
    high = np.minimum(last, np.array(counts) - 1).astype(int) + 1
    u, v = (axis for axis in range(3) if axis != through)
    turn = np.array([[ellipse.first[u], ellipse.second[u]], [ellipse.first[v], ellipse.second[v]]])
    if abs(np.linalg.det(turn)) < 1e-12 or (high <= low).any():
        return
    inverse = np.linalg.inv(turn)
    height = max(1, _AT_ONCE // counts[0])
    for number, first in product(range(low[2], high[2]), range(low[1], high[1], height)):
        stop = min(first + height, high[1])
        data = volume.rows(number, first, stop)[:, low[0] : high[0]].astype(np.float64)
        index = (np.arange(low[0], high[0]), np.arange(first, stop)[:, None], np.array(number))
        right, down = index[u] - ellipse.centre[u], index[v] - ellipse.centre[v]
        across, along = (row[0] * right + row[1] * down for row in inverse)
        values = data[(across**2 + along**2 <= 1.0) & np.isfinite(data)]
        if values.size:
            yield values
