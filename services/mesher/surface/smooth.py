"""From a raw surface to the surface of an organ: smoothing, room for neighbours, small components, volume."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from services.mesher.surface.field import Field, Lattice
from services.mesher.surface.filters import apply_filters, low_pass, neighbour_mean
from services.mesher.surface.marching_cubes import extract
from services.mesher.surface.mesh import Measures, Mesh, VertexCorners, face_normals, measure, measure_with
from services.mesher.surface.organ import OrganVoxels
from services.mesher.surface.runs import Layout, Runs
from services.mesher.surface.sampling import RawSurface, SamplingSource
from services.mesher.surface.volume import keep_volume, scale_to_volume
from shared.arrays import Bool, Float32, Float64, Int32

_LIGHT = low_pass(1.2, 4)
_NOISY = low_pass(0.75, 5)
_STRONG = low_pass(0.25, 8)
_COARSE = 1.8
"""From this many voxels per lattice step on, the field itself has averaged out most of the noise of the voxels."""
_NOISE = 0.14
"""Error in voxels that a vertex may have from the voxels alone: the strong filter may move it about that far."""
_FAR_MOVE = 0.1
"""In lattice steps: only vertices that a filter moves further can fold a surface."""
_FAR = 3.0
"""In sigmas of the neighbour's blur: neighbours further away do not matter."""
_CONTACT, _CLEARANCE = 0.3, 1.2
"""In the same sigmas: vertices up to 0.3 from a neighbour do not move, those from 0.3 + 1.2 on move freely."""
_LEAST_MOBILITY = 0.02
"""Mobility of vertices in contact when the volume is corrected, so that an enclosed organ can reach its volume."""


def smooth_surface(
    organ: OrganVoxels, raw: RawSurface | None, source: SamplingSource, neighbours: Sequence[Field]
) -> tuple[Mesh, Measures]:
    """The smoothed surface of an organ; components that the lattice is too coarse for get their plain surface.

    `neighbours` are the fields of the other labels. Where there is no raw surface, the whole surface is the plain one.
    """
    if raw is None or not len(raw.faces):
        return plain_surface(organ)
    faces = _outward(raw.faces, organ.layout)
    mobility = _mobility(raw.vertices, neighbours)[:, None]
    rough = _to_patient(raw.vertices, source.layout)
    points, measures = _smooth(rough, faces, mobility, raw.field.lattice)
    missing = _missing(organ, source, raw.field)
    if missing is not None:
        runs = organ.runs[missing]
        added, triangles = plain_points(runs, organ.layout)
        added, _ = keep_volume(added, triangles, runs.voxels * organ.layout.voxel_mm3)
        faces = np.concatenate([faces, triangles + np.int32(len(points))])
        points, mobility = np.concatenate([points, added]), np.concatenate([mobility, np.zeros((len(added), 1))])
        measures = measure(points, faces)
    points, measures = keep_volume(points, faces, organ.volume, np.maximum(mobility, _LEAST_MOBILITY), measures)
    return _to_mesh(organ.label, points, faces, measures)


def plain_surface(organ: OrganVoxels) -> tuple[Mesh, Measures]:
    """The surface of the voxels themselves, without smoothing: less pretty, but always closed and a manifold."""
    points, faces = plain_points(organ.runs, organ.layout)
    moved, measures = keep_volume(points, faces, organ.volume)
    if abs(measures.volume - organ.volume) > 1e-3 * organ.volume:
        moved = scale_to_volume(points, faces, organ.volume)
        measures = measure(moved, faces)
    return _to_mesh(organ.label, moved, faces, measures)


def _to_mesh(label: int, points: Float64, faces: Int32, measures: Measures) -> tuple[Mesh, Measures]:
    return Mesh(label, points, faces, measures.normals.astype(np.float32)), measures


def plain_points(runs: Runs, layout: Layout) -> tuple[Float64, Int32]:
    """Marching cubes on the mask of the runs, with vertices halfway between voxels: patient LPS mm, wound outward."""
    low, high = runs.bounds()
    mask = np.pad(runs.paint(low, high), 1)
    vertices, faces = extract(mask.view(np.uint8), 0, lambda values: values - np.float32(0.5))
    return _to_patient(vertices + (low - 1.0), layout), _outward(faces, layout)


def _missing(organ: OrganVoxels, source: SamplingSource, field: Field) -> Bool | None:
    """Which runs belong to components without any run in the field, or None where there is no such component."""
    runs = organ.runs
    middles, slows = runs.row % runs.middles, runs.row // runs.middles
    centre = np.stack([(runs.start + runs.stop - 1) / 2.0, middles, slows], axis=1)
    shown = np.bincount(organ.component, field.contains(source.from_label_map(centre))) > 0
    present = np.bincount(organ.component) > 0
    missing = (present & ~shown)[organ.component]
    return missing if missing.any() else None


def _mobility(voxels: Float64, neighbours: Sequence[Field]) -> Float64:
    """How freely each vertex may move, (n,): 0 in contact with another label, 1 far from all labels."""
    nearest = np.full(len(voxels), -_FAR, dtype=np.float32)
    for field in neighbours:
        scale = field.lattice.scale
        np.maximum(nearest, field.interpolate(voxels, -_FAR * scale) / np.float32(scale), out=nearest)
    mobility: Float64 = np.clip((-nearest - _CONTACT) / _CLEARANCE, 0.0, 1.0).astype(np.float64)
    return mobility


def _smooth(points: Float64, faces: Int32, mobility: Float64, lattice: Lattice) -> tuple[Float64, Measures]:
    """Remove the noise of the voxels: a light filter everywhere, and a strong one where it moves little.

    Where the strong filter moves vertices by more than the noise of the voxels, it would pull neighbouring loops of a
    fold together: those vertices keep the light filter. Vertices whose faces would turn over are not moved. Returns the
    vertices and their measures in single precision.
    """
    corners = VertexCorners.of(faces, len(points))
    mean = neighbour_mean(faces, corners)
    centre = points[0]
    rough = (points - centre).astype(np.float32)
    voxel = float(np.cbrt(np.prod(lattice.step / lattice.pitch)))
    gentle = _LIGHT if lattice.step > _COARSE * voxel else _NOISY
    light, strong = apply_filters(rough, mean, gentle, _STRONG)
    move = strong - light
    trust = 1.0 / (1.0 + (np.einsum("ij,ij->i", move, move) / np.float32((_NOISE * voxel) ** 2)) ** 2)
    trust = np.minimum(trust, np.asarray(mean @ trust))
    moved = rough + mobility.astype(np.float32) * (light - rough + trust[:, None] * move)
    normals = face_normals(moved, faces)
    turned = faces[np.einsum("ij,ij->i", face_normals(rough, faces), normals) < 0.0]
    folded = _folded(rough, moved, turned, _FAR_MOVE * lattice.step)
    if len(folded):
        moved[folded] = rough[folded]
        normals = face_normals(moved, faces)
    smooth: Float64 = moved.astype(np.float64) + centre
    return smooth, measure_with(moved, normals, corners)


def _folded(before: Float32, after: Float32, turned: Int32, far: float) -> Int32:
    """Vertices of those turned faces (m, 3) that have a vertex that moved further than `far`: folds would cross."""
    move = np.linalg.norm((after - before)[turned], axis=2)
    return np.unique(turned[(move > far).any(axis=1)])


def _to_patient(voxels: Float64, layout: Layout) -> Float64:
    return np.asarray(np.einsum("nk,ck->nc", voxels, layout.matrix) + layout.origin)


def _outward(faces: Int32, layout: Layout) -> Int32:
    """Faces wound outward in the patient, where the axes of the grid may be left-handed."""
    return faces if layout.right_handed else np.ascontiguousarray(faces[:, ::-1])
