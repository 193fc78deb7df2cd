"""The mesher: a label map in, one closed surface per label out."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import ndimage

from services.mesher.checks import check
from services.mesher.results import MeshedOrgan, MeshedOrgans, Quality
from services.mesher.surface import Floats, Ints, Mesh, area, extract, signed_volume, vertex_normals
from shared.volume import ORGANS, LabelMap

STEP_MM = {"light": 4.0, "standard": 2.4, "fine": 1.6}
TINY_ML = 1.0
MANY = 50


def _silent(_: float) -> None:
    return None


def mesh(
    label_map: LabelMap,
    quality: Quality = "standard",
    min_component: float = 0.0,
    progress: Callable[[float], None] = _silent,
) -> MeshedOrgans:
    """Mesh every label of a label map.

    `min_component` in mL drops smaller components of a label (26-connected); `progress` is told the fraction done.
    Vertices are in patient LPS mm.
    """
    began = time.perf_counter()
    boxes = ndimage.find_objects(label_map.data)
    labels = sorted({number + 1 for number, box in enumerate(boxes) if box} | {known.id for known in ORGANS})
    organs = []
    for done, label in enumerate(labels):
        box = boxes[label - 1] if label <= len(boxes) else None
        organs.append(_organ(label_map, label, box, quality, min_component) if box else _absent(label))
        progress((done + 1) / len(labels))
    return MeshedOrgans(tuple(organs), quality, time.perf_counter() - began, label_map.warnings)


def _absent(label: int, dropped: int = 0, dropped_ml: float = 0.0) -> MeshedOrgan:
    return MeshedOrgan(
        label, None, None, "none", 0, 0.0, 0.0, 0.0, None, dropped, dropped, dropped_ml, False, 0.0, ("absent",)
    )


def _organ(
    label_map: LabelMap, label: int, box: tuple[slice, ...], quality: Quality, min_component: float
) -> MeshedOrgan:
    began = time.perf_counter()
    grid = label_map.geometry
    mask = label_map.data[box] == label
    parts, count = ndimage.label(mask, np.ones((3, 3, 3)))
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    small = np.flatnonzero(sizes[1:] * grid.voxel_ml < min_component) + 1
    if len(small):
        mask &= ~np.isin(parts, small)
    dropped_ml = float(sizes[small].sum() * grid.voxel_ml)
    voxels = int(mask.sum())
    if not voxels:
        return _absent(label, len(small), dropped_ml)
    touches = any(s.start == 0 or s.stop == n for s, n in zip(box, grid.shape, strict=True))
    volume = voxels * grid.voxel_ml * 1000.0
    made, method = None, ""
    for method in ("field", "voxels"):
        step = STEP_MM[quality] if method == "field" else 0.0
        made = _surface(label_map, (label, volume), mask, box, step)
        if made is not None and check(made, volume).passed:
            break
    assert made is not None  # noqa: S101 - a mask with a voxel always has a surface at its own resolution
    warnings = [
        code
        for code, holds in (
            ("touches_border", touches),
            ("tiny", volume < TINY_ML * 1000.0),
            ("many_components", count - len(small) > MANY),
            ("components_dropped", len(small) > 0),
            ("fallback", method != "field"),
        )
        if holds
    ]
    return MeshedOrgan(
        label=label,
        mesh=made,
        checks=check(made, volume),
        method=method,
        voxels=voxels,
        volume_voxels_ml=volume / 1000.0,
        volume_mesh_ml=signed_volume(made.vertices, made.faces) / 1000.0,
        surface_cm2=area(made.vertices, made.faces) / 100.0,
        box=(tuple(made.vertices.min(axis=0).tolist()), tuple(made.vertices.max(axis=0).tolist())),
        components=count,
        dropped_components=len(small),
        dropped_ml=dropped_ml,
        touches_border=touches,
        seconds=time.perf_counter() - began,
        warnings=tuple(warnings),
    )


def _surface(
    label_map: LabelMap, wanted: tuple[int, float], mask: Any, box: tuple[slice, ...], step: float
) -> Mesh | None:
    label, volume = wanted
    grid = label_map.geometry
    factors = [max(1, round(step / spacing)) for spacing in grid.spacing]
    pad = [(2 * f, 2 * f + (-n) % f) for f, n in zip(factors, mask.shape, strict=True)]
    padded = np.pad(mask, pad).astype(np.float32)
    shape = [n // f for n, f in zip(padded.shape, factors, strict=True)]
    field = padded.reshape(shape[0], factors[0], shape[1], factors[1], shape[2], factors[2]).mean(axis=(1, 3, 5))
    if step:
        sigma = [0.6 * step / (f * s) for f, s in zip(factors, grid.spacing, strict=True)]
        field = ndimage.gaussian_filter(field, sigma, mode="constant")
    iso = _iso(field, volume / (1000.0 * grid.voxel_ml * float(np.prod(factors)))) if step else 0.25
    vertices, faces = extract((field - iso).astype(np.float32))
    if not len(faces):
        return None
    scale = np.array(factors[::-1], dtype=np.float64)
    origin = np.array([s.start - p[0] for s, p in zip(box, pad, strict=True)][::-1], dtype=np.float64)
    points = grid.to_patient(vertices * scale + (scale - 1.0) / 2.0 + origin)
    if np.linalg.det(grid.affine[:3, :3]) < 0:
        faces = np.ascontiguousarray(faces[:, ::-1])
    return _finish(label, points, faces, volume)


def _iso(field: Any, volume: float) -> float:
    """The level above which the field holds `volume` cells."""
    ranked = np.sort(field, axis=None)[::-1]
    return float(np.clip(ranked[min(len(ranked) - 1, round(volume))], 0.05, 0.5))


def _finish(label: int, points: Floats, faces: Ints, volume: float) -> Mesh:
    for _ in range(20):
        normals = vertex_normals(points, faces)
        missing = volume - signed_volume(points, faces)
        if abs(missing) < 1e-6 * volume:
            break
        points = points + normals * (missing / area(points, faces))
    return Mesh(label, points, faces, vertex_normals(points, faces).astype(np.float32))
