"""The mesher: a label map in, one closed surface per label out."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from services.mesher.beside import THREADS, Beside
from services.mesher.checks import check
from services.mesher.field import Field, Lattice, build, softness
from services.mesher.results import Box, Checks, MeshedOrgan, MeshedOrgans, Quality
from services.mesher.runs import Floats, Ints, Layout, Runs, scan
from services.mesher.shape import Body, Draft, Ground, plain_surface, smooth_surface
from services.mesher.surface import Measures, Mesh
from shared.imaging.volume import ORGANS, LabelMap

TINY_MM3 = 1000.0
MANY = 50
_MOST_CELLS = 24_000_000
_MOST_BESIDE = 300_000
"""Triangles of all organs up to which they are made side by side."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How many triangles all organs may have together, and the finest lattice step in voxels (geometric mean).

    `slack` says how far the number may be exceeded before a coarser lattice is tried.
    """

    triangles: int
    finest: float
    slack: float = 1.0

    @property
    def most(self) -> float:
        """The number of triangles beyond which the budget counts as exceeded."""
        return self.triangles * self.slack


BUDGETS: Mapping[Quality, Budget] = {
    "light": Budget(50_000, 1.0),
    "standard": Budget(150_000, 1.0),
    "fine": Budget(700_000, 0.9, 1.1),
}


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One label's runs after small components went, and what went: `component` numbers each run's component."""

    label: int
    runs: Runs
    component: Ints
    components: int
    dropped: int
    dropped_voxels: int


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """A label's smooth surface with what it was made of and the seconds that took; not checked yet."""

    part: Part
    body: Body
    mesh: Mesh
    measures: Measures
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Finished:
    """A surface with what was found out about it, the name of the way it was made and the seconds that took."""

    mesh: Mesh
    measures: Measures
    checks: Checks
    method: str
    seconds: float


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
    Vertices are in patient LPS mm. Organs the project names are listed even where they have no voxel.
    """
    began = time.perf_counter()
    layout = Layout.of(label_map)
    least = int(np.ceil(min_component * 1000.0 / layout.voxel_mm3 - 1e-9))
    with ThreadPoolExecutor(THREADS) as pool:
        found = scan(layout.data, pool.map)
        parts = {label: _part(label, runs, least) for label, runs in found.items()} if least > 1 else {}
        kept = {label: part.runs for label, part in parts.items() if len(part.runs)} if least > 1 else found
        progress(0.2)
        finished = _organs(Ground.of(layout, kept), parts, quality, pool.map, progress)
    every = sorted(set(found) | {known.id for known in ORGANS})
    organs = tuple(finished.get(label) or _absent(label, parts.get(label), layout) for label in every)
    meshed = MeshedOrgans(organs, quality, time.perf_counter() - began, label_map.warnings)
    total = sum(len(surface.faces) for surface in meshed.meshes)
    if total > BUDGETS[quality].most:
        return replace(meshed, warnings=(*meshed.warnings, "triangle_budget"))
    return meshed


def _organs(
    ground: Ground, parts: Mapping[int, Part], quality: Quality, beside: Beside, progress: Callable[[float], None]
) -> dict[int, MeshedOrgan]:
    """The organs of the runs that are kept; `parts` are those whose components are known already.

    Large surfaces are made one after another, which takes half the memory; others beside each other, and each is
    checked beside the next.
    """
    kept, finished = ground.kept, dict[int, MeshedOrgan]()
    beside = beside if BUDGETS[quality].triangles <= _MOST_BESIDE else map
    drafts = _drafts(ground, BUDGETS[quality], beside)
    progress(0.5)

    def surface(label: int) -> Surface:
        made = _surface(parts.get(label) or _part(label, kept[label], 0), ground, drafts)
        if label in drafts:  # too small for the thinner slices, it has none
            drafts[label] = drafts[label].spent
        return made

    for organ in beside(_checked, beside(surface, _largest_first(kept))):
        finished[organ.label] = organ
        progress(0.5 + 0.5 * len(finished) / len(kept))
    return finished


def _part(label: int, runs: Runs, least: int) -> Part:
    """A label without its components of fewer than `least` voxels."""
    count, component = runs.components()
    sizes = np.bincount(component, runs.lengths, count)
    small = sizes < least
    if not small.any():
        return Part(label, runs, component, count, 0, 0)
    keep = ~small[component]
    return Part(label, runs[keep], component[keep], count, int(small.sum()), int(sizes[small].sum()))


def _drafts(ground: Ground, budget: Budget, beside: Beside) -> dict[int, Draft]:
    """The labels' rough surfaces on one lattice, as fine as the budget allows, or nearly so after four tries."""
    drafts: dict[int, Draft] = {}
    if not ground.runs:
        return drafts
    step, soft = _first_step(ground, budget), dict[int, float]()
    for _ in range(4):
        drafts = _sampled(ground, step, soft, beside)
        total = sum(len(draft.faces) for draft in drafts.values())
        if total <= budget.most:
            break
        step *= 1.01 * float(np.sqrt(total / budget.triangles))
    return drafts


def _sampled(ground: Ground, step: float, soft: dict[int, float], beside: Beside) -> dict[int, Draft]:
    """Each label's field and rough surface; fields of a wider blur give way to their neighbours.

    `soft` keeps how wide each label's blur may be, which does not depend on the step.
    """
    spacing, labels = ground.layout.spacing, _largest_first(ground.runs)

    def field(label: int) -> Field:
        runs = ground.runs[label]
        soft[label] = soft.get(label) or softness(runs, spacing)
        return build(runs, Lattice.of(spacing, step, soft[label]))

    fields = dict(zip(labels, beside(field, labels), strict=True))
    for label, other in itertools.permutations(sorted(fields), 2):
        if soft[label] > 1.0:
            fields[label].give_way(fields[other])
    return dict(zip(labels, beside(lambda label: Draft.of(fields[label]), labels), strict=True))


def _largest_first(runs: Mapping[int, Runs]) -> list[int]:
    return sorted(runs, key=lambda label: -len(runs[label]))


def _first_step(ground: Ground, budget: Budget) -> float:
    """The lattice step in mm at which the surfaces should just fit the budget.

    A run's two ends show the surface's area across the fast axis, half of all area on average; marching cubes makes
    three triangles for each square of a step's side, and a little less where the blur rounds the shape.
    """
    spacing = ground.layout.spacing
    surface = 4.0 * sum(len(runs) for runs in ground.runs.values()) * float(spacing[1] * spacing[2])
    fitting = np.sqrt(2.9 * surface / (0.985 * budget.triangles))
    size = max(float(np.prod((high - low) * spacing)) for low, high in (runs.bounds() for runs in ground.runs.values()))
    return float(max(fitting, budget.finest * np.cbrt(spacing.prod()), np.cbrt(size / _MOST_CELLS)))


def _surface(part: Part, ground: Ground, drafts: Mapping[int, Draft]) -> Surface:
    """The smooth surface of one label."""
    began = time.perf_counter()
    layout = ground.source
    body = Body(part.label, part.runs, part.component, layout, part.runs.voxels * layout.voxel_mm3)
    return Surface(part, body, *smooth_surface(body, ground, drafts), time.perf_counter() - began)


def _checked(made: Surface) -> MeshedOrgan:
    """The finished surface of one label: the smooth one, or the plain one where a check fails."""
    began, body = time.perf_counter(), made.body
    method, mesh, measures = "field", made.mesh, made.measures
    checks = check(mesh, measures, body.volume)
    if not checks.passed:
        method, (mesh, measures) = "voxels", plain_surface(body)
        checks = check(mesh, measures, body.volume)
    seconds = made.seconds + time.perf_counter() - began
    return _describe(made.part, body.layout, Finished(mesh, measures, checks, method, seconds))


def _describe(part: Part, layout: Layout, done: Finished) -> MeshedOrgan:
    made, measures, checks = done.mesh, done.measures, done.checks
    low, high = part.runs.bounds()
    touches = bool((low == 0).any() or (high == np.array(layout.data.shape[::-1])).any())
    volume = part.runs.voxels * layout.voxel_mm3
    codes = {
        "touches_border": touches,
        "tiny": volume < TINY_MM3,
        "many_components": part.components - part.dropped > MANY,
        "components_dropped": part.dropped > 0,
        "fallback": done.method != "field",
        "check_failed": not checks.passed,
    }
    return MeshedOrgan(
        label=part.label,
        mesh=made,
        checks=checks,
        method=done.method,
        voxels=part.runs.voxels,
        volume_voxels_ml=volume / 1000.0,
        volume_mesh_ml=measures.volume / 1000.0,
        surface_cm2=measures.area / 100.0,
        box=_box(made.vertices),
        components=part.components,
        dropped_components=part.dropped,
        dropped_ml=part.dropped_voxels * layout.voxel_mm3 / 1000.0,
        touches_border=touches,
        seconds=done.seconds,
        warnings=tuple(code for code, holds in codes.items() if holds),
    )


def _box(points: Floats) -> Box:
    """Lowest and highest corner; column by column, which numpy does much faster than along the first axis."""
    x, y, z = points.T
    return (float(x.min()), float(y.min()), float(z.min())), (float(x.max()), float(y.max()), float(z.max()))


def _absent(label: int, part: Part | None, layout: Layout) -> MeshedOrgan:
    """An organ without a voxel, or one whose components were all dropped."""
    dropped, voxels = (part.dropped, part.dropped_voxels) if part else (0, 0)
    lost = voxels * layout.voxel_mm3 / 1000.0
    codes = ("absent", "components_dropped") if dropped else ("absent",)
    return MeshedOrgan(label, None, None, "none", 0, 0.0, 0.0, 0.0, None, dropped, dropped, lost, False, 0.0, codes)
