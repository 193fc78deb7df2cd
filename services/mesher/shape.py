"""From a field to a finished surface: extraction, fairing, room for neighbours, small components, volume."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from services.mesher.between import part_slices, thick_axis
from services.mesher.field import LEVELS, Field, Lattice
from services.mesher.runs import Floats, Ints, Layout, Runs, scan
from services.mesher.smooth import fair, keep_volume, low_pass, neighbours, scale_to_volume
from services.mesher.surface import Corners, Measures, Mesh, extract, face_normals, measure, measure_by

_LIGHT = low_pass(1.2, 4)
_NOISY = low_pass(0.75, 5)
_STRONG = low_pass(0.25, 8)
_COARSE = 1.8
"""From so many voxels per lattice step on, the field itself has averaged most of the noise out."""
_NOISE = 0.14
"""How far, in voxels, a vertex may be off through the voxels alone: fairing moves are trusted up to about this."""
_FAR_MOVE = 0.1
"""In lattice steps: only vertices that fairing moves further can fold a surface."""
_FAR = 3.0
"""Beyond so many sigmas a neighbour does not matter."""


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """What is to be meshed: a label's runs with their component numbers, and the volume they hold in mm3."""

    label: int
    runs: Runs
    component: Ints
    layout: Layout
    volume: float


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What fields are built from: the source's own runs by label, or those of its slices parted into thinner ones.

    `kept` are the source's own in either case. `parts` (3,) says into how many thin voxels each source voxel is parted,
    (fast, middle, slow).
    """

    source: Layout
    kept: Mapping[int, Runs]
    layout: Layout
    runs: Mapping[int, Runs]
    parts: Ints

    @classmethod
    def of(cls, source: Layout, runs: Mapping[int, Runs]) -> Ground:
        """Part the slices where they are thick; `runs` are what is left of the source's labels."""
        thick = thick_axis(source) if runs else None
        if thick is None:
            return cls(source, runs, source, runs, np.ones(3, dtype=np.int32))
        axis, parts = thick
        data = np.zeros_like(source.data)
        for label, kept in runs.items():
            kept.paint_into(data, label)
        layout = part_slices(replace(source, data=data), axis, parts, sorted(runs))
        factors = np.ones(3, dtype=np.int32)
        factors[2 - axis] = parts
        return cls(source, runs, layout, scan(layout.data), factors)

    def from_source(self, voxels: Floats) -> Floats:
        """Indices (n, 3) of source voxels among the parted ones."""
        return np.asarray(voxels * self.parts + (self.parts - 1) / 2.0)


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """A label's field and the rough surface in it: `voxels` (n, 3) are indices (fast, middle, slow), faces (m, 3)."""

    field: Field
    voxels: Floats
    faces: Ints

    @classmethod
    def of(cls, field: Field) -> Draft:
        """Extract the field's surface; it has no faces where the field holds nothing."""
        vertices, faces = extract(field.levels, LEVELS // 2, field.distance)
        return cls(field, field.to_voxels(vertices), faces)

    @property
    def spent(self) -> Draft:
        """What others still need of it once its surface is made: the field."""
        return Draft(self.field, self.voxels[:0].copy(), self.faces[:0].copy())


def smooth_surface(body: Body, ground: Ground, drafts: Mapping[int, Draft]) -> tuple[Mesh, Measures]:
    """The surface by way of the field, faired; components the field does not show are added as they are."""
    draft = drafts.get(body.label)
    if draft is None or not len(draft.faces):
        return plain_surface(body)
    faces = _outward(draft.faces, body.layout)
    others = [other.field for label, other in drafts.items() if label != body.label]
    freedom = _freedom(draft.voxels, others)[:, None]
    rough = _to_patient(draft.voxels, ground.layout)
    points, measures = _fair(rough, faces, freedom, draft.field.lattice)
    lost = _lost(body, ground, draft.field)
    if lost is not None:
        aside = body.runs[lost]
        more, triangles = plain_points(aside, body.layout)
        small, _ = keep_volume(more, triangles, aside.voxels * body.layout.voxel_mm3)
        faces = np.concatenate([faces, triangles + np.int32(len(points))])
        points, freedom = np.concatenate([points, small]), np.concatenate([freedom, np.zeros((len(small), 1))])
        measures = measure(points, faces)
    points, measures = keep_volume(points, faces, body.volume, np.maximum(freedom, 0.02), measures)
    return _finish(body.label, points, faces, measures)


def plain_surface(body: Body) -> tuple[Mesh, Measures]:
    """The surface of the voxels themselves, unsmoothed: always closed and simple, less pretty."""
    points, faces = plain_points(body.runs, body.layout)
    kept, measures = keep_volume(points, faces, body.volume)
    if abs(measures.volume - body.volume) > 1e-3 * body.volume:
        kept = scale_to_volume(points, faces, body.volume)
        measures = measure(kept, faces)
    return _finish(body.label, kept, faces, measures)


def _finish(label: int, points: Floats, faces: Ints, measures: Measures) -> tuple[Mesh, Measures]:
    return Mesh(label, points, faces, measures.normals.astype(np.float32)), measures


def plain_points(runs: Runs, layout: Layout) -> tuple[Floats, Ints]:
    """Marching cubes on the voxels themselves, halfway between in and out: patient LPS mm, wound outward."""
    low, high = runs.bounds()
    mask = np.pad(runs.paint(low, high), 1)
    vertices, faces = extract(mask.view(np.uint8), 0, lambda values: values - np.float32(0.5))
    return _to_patient(vertices + (low - 1.0), layout), _outward(faces, layout)


def _lost(body: Body, ground: Ground, field: Field) -> NDArray[np.bool_] | None:
    """Which runs belong to components that the field does not show, or None where it shows all."""
    runs = body.runs
    middles, slows = runs.row % runs.middles, runs.row // runs.middles
    centre = np.stack([(runs.start + runs.stop - 1) / 2.0, middles, slows], axis=1)
    shown = np.bincount(body.component, field.holds(ground.from_source(centre))) > 0
    present = np.bincount(body.component) > 0
    lost = (present & ~shown)[body.component]
    return lost if lost.any() else None


def _freedom(voxels: Floats, others: Sequence[Field]) -> Floats:
    """How freely each vertex may move, (n,) from 0 in contact with another label to 1 away from all."""
    nearest = np.full(len(voxels), -_FAR, dtype=np.float32)
    for other in others:
        scale = other.lattice.scale
        np.maximum(nearest, other.interpolate(voxels, -_FAR * scale) / np.float32(scale), out=nearest)
    freedom: Floats = np.clip((-nearest - 0.3) / 1.2, 0.0, 1.0).astype(np.float64)
    return freedom


def _fair(points: Floats, faces: Ints, freedom: Floats, lattice: Lattice) -> tuple[Floats, Measures]:
    """Take the voxels' noise off: a light filter everywhere, a strong one where it moves vertices by no more than that.

    Sharp folds, where the strong filter would pull neighbouring loops together, keep their place, and so do vertices
    of faces that it would turn over. Returns the vertices and about what they measure.
    """
    corners = Corners.of(faces, len(points))
    mean = neighbours(faces, corners)
    centre = points[0]
    rough = (points - centre).astype(np.float32)
    voxel = float(np.cbrt(np.prod(lattice.step / lattice.pitch)))
    light, strong = fair(rough, mean, _LIGHT if lattice.step > _COARSE * voxel else _NOISY, _STRONG)
    move = strong - light
    trust = 1.0 / (1.0 + (np.einsum("ij,ij->i", move, move) / np.float32((_NOISE * voxel) ** 2)) ** 2)
    trust = np.minimum(trust, np.asarray(mean @ trust))
    moved = rough + freedom.astype(np.float32) * (light - rough + trust[:, None] * move)
    across = face_normals(moved, faces)
    turned = faces[np.einsum("ij,ij->i", face_normals(rough, faces), across) < 0.0]
    back = _folded(rough, moved, turned, _FAR_MOVE * lattice.step)
    if len(back):
        moved[back] = rough[back]
        across = face_normals(moved, faces)
    faired: Floats = moved.astype(np.float64) + centre
    return faired, measure_by(moved, across, corners)


def _folded(before: Floats, after: Floats, turned: Ints, far: float) -> Ints:
    """Vertices of turned faces that vertices turned over which moved further than `far`: where folds would cross."""
    move = np.linalg.norm((after - before)[turned], axis=2)
    return np.unique(turned[(move > far).any(axis=1)])


def _to_patient(voxels: Floats, layout: Layout) -> Floats:
    return np.asarray(np.einsum("nk,ck->nc", voxels, layout.matrix) + layout.origin)


def _outward(faces: Ints, layout: Layout) -> Ints:
    """Faces wound outward in the patient, where the grid's axes may be left-handed."""
    return faces if layout.right_handed else np.ascontiguousarray(faces[:, ::-1])
