"""From a raw surface to the surface of an organ: smoothing, room for neighbours, small components, volume."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from services.mesher.surface.field import Field, Lattice
from services.mesher.surface.filters import apply_filters, low_pass, neighbour_mean
from services.mesher.surface.mesh import Measures, Mesh, VertexCorners, face_normals, measure, measure_with
from services.mesher.surface.nearness import REACH
from services.mesher.surface.organ import OrganSurface, OrganVoxels
from services.mesher.surface.plain import plain_points, plain_surface
from services.mesher.surface.runs import Runs
from services.mesher.surface.sampling import RawSurface, SamplingSource
from services.mesher.surface.volume import keep_volume
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
_OFFSET_STEP = 0.2
"""In voxels of the shortest side: largest step when the volume is corrected."""
_LEAST_PART = 0.4
"""Part of an organ's volume that its raw surface must enclose: where it is less, the lattice is too coarse for it."""
_SAMPLED_RUNS = 512
_SATURATION = 3.9
"""In sigmas: a field does not distinguish distances beyond."""
_MOST_LOST = 0.005
"""Part of the tested voxels that may be far from the surface."""
_LEAST_MOBILITY = 0.02
"""Mobility of vertices in contact when the volume is corrected, so that an enclosed organ can reach its volume."""


def smooth_surface(
    organ: OrganVoxels, raw: RawSurface | None, source: SamplingSource, neighbours: Sequence[Field]
) -> OrganSurface:
    """The smoothed surface of an organ; components that the lattice is too coarse for get their plain surface.

    `neighbours` are the fields of the other labels. Where there is no raw surface, the whole surface is the plain one.
    """
    if raw is None or not len(raw.faces):
        return plain_surface(organ)
    faces = raw.faces if organ.layout.right_handed else np.ascontiguousarray(raw.faces[:, ::-1])
    mobility = _mobility(raw.vertices, neighbours)[:, None]
    rough = source.layout.to_patient(raw.vertices)
    points, measures = _smooth(rough, faces, mobility, raw.field.lattice)
    missing = _missing(organ, source, raw.field)
    if missing is not None:
        added, triangles = plain_points(organ.runs[missing], organ.layout, organ.is_small)
        faces = np.concatenate([faces, triangles + np.int32(len(points))])
        points, mobility = np.concatenate([points, added]), np.concatenate([mobility, np.zeros((len(added), 1))])
        measures = measure(points, faces)
    raw_volume, limit = measures.volume, _OFFSET_STEP * float(organ.layout.spacing.min())
    mobility = np.maximum(mobility, _LEAST_MOBILITY)
    points, measures = keep_volume(points, faces, organ.volume, mobility, measures, limit=limit)
    covers_voxels = _LEAST_PART < raw_volume / organ.volume < 1.0 / _LEAST_PART
    if covers_voxels and not organ.is_small:
        covers_voxels = _covers(organ.runs if missing is None else organ.runs[~missing], source, raw.field)
    mesh = Mesh(organ.label, points, faces, measures.normals.astype(np.float32))
    return OrganSurface(organ, mesh, measures, "field", covers_voxels)


def _covers(runs: Runs, source: SamplingSource, field: Field) -> bool:
    """Whether the voxels at the ends and centres of runs are inside the raw surface or near it.

    For speed, some of the runs are tested, against the field from which the surface was extracted. A lattice step
    closes thin gaps, so voxels inside the surface count wherever they are. It also loses spurs thinner than a step; a
    few of those do not make a large organ fail.
    """
    sample = runs[:: max(1, len(runs) // _SAMPLED_RUNS)]
    row = np.tile(sample.row, 3)
    fast = np.concatenate([sample.start, (sample.start + sample.stop - 1) / 2.0, sample.stop - 1])
    voxels = np.stack([fast, row % sample.middles, row // sample.middles], axis=1)
    diagonal = float(np.linalg.norm(source.layout.spacing * source.parts))
    limit = min(max(REACH * diagonal, field.lattice.step), _SATURATION * field.lattice.scale)
    distance = field.interpolate(source.from_label_map(voxels), -limit)
    return float((distance <= -limit).mean()) <= _MOST_LOST


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
