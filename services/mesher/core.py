"""The mesher: from a label map to one closed surface per label."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from services.mesher.results import Box, MeshedOrgan, MeshedOrgans, Quality
from services.mesher.surface.checks import Checks, check
from services.mesher.surface.ends import OpenEnds, open_ends
from services.mesher.surface.field import Field
from services.mesher.surface.organ import OrganSurface, OrganVoxels
from services.mesher.surface.parallel import THREADS, Map
from services.mesher.surface.plain import plain_surface
from services.mesher.surface.runs import Layout, encode_runs
from services.mesher.surface.sampling import Budget, RawSurface, SamplingSource, largest_first, sample, sample_finely
from services.mesher.surface.smooth import smooth_surface
from shared.arrays import Float64
from shared.imaging.label_table import unnamed
from shared.imaging.volume import LabelMap, Organ

TINY_MM3 = 1000.0
MANY_COMPONENTS = 50
_MOST_PARALLEL = 300_000
"""Triangles of all organs up to which they are meshed in parallel; beyond, that would take too much memory."""

BUDGETS: Mapping[Quality, Budget] = {
    "light": Budget(50_000, 1.0),
    "standard": Budget(150_000, 1.0),
    "fine": Budget(700_000, 0.9, 1.1),
}

Progress = Callable[[float], None]


def _ignore(_: float) -> None:
    return None


def mesh(
    label_map: LabelMap, quality: Quality = "standard", min_component: float = 0.0, progress: Progress = _ignore
) -> MeshedOrgans:
    """Mesh every label of a label map; vertices are in patient LPS mm.

    `min_component` in mL drops smaller components of a label (26-connected). `progress` receives the fraction done.
    Organs with a known name are listed even where they have no voxel.
    """
    started = time.perf_counter()
    layout = Layout.of(label_map)
    least = int(np.ceil(min_component * 1000.0 / layout.voxel_mm3 - 1e-9))
    with ThreadPoolExecutor(THREADS) as pool:
        runs = encode_runs(layout.data, pool.map)
        organs = {label: OrganVoxels.of(label, runs[label], layout, least) for label in runs}
        progress(0.2)
        present = {label: organ for label, organ in organs.items() if len(organ.runs)}
        meshed = _mesh_organs(layout, present, quality, pool.map, progress)
    names = {organ.id: organ for organ in label_map.organs}
    labels = {label: names.get(label) or unnamed(label) for label in sorted({*runs, *names})}
    results = tuple(
        replace(meshed[label], definition=organ) if label in meshed else _absent(organ, organs.get(label))
        for label, organ in labels.items()
    )
    result = MeshedOrgans(results, quality, time.perf_counter() - started, label_map.warnings)
    total = sum(len(surface.faces) for surface in result.meshes)
    if total > BUDGETS[quality].most:
        return replace(result, warnings=(*result.warnings, "triangle_budget"))
    return result


def _mesh_organs(
    layout: Layout, organs: Mapping[int, OrganVoxels], quality: Quality, parallel: Map, progress: Progress
) -> dict[int, MeshedOrgan]:
    """Mesh organs that have voxels.

    Large surfaces are smoothed one after another, which takes half the memory. Others are smoothed in parallel, and
    each is checked while others are smoothed.
    """
    runs = {label: organ.runs for label, organ in organs.items()}
    budget = BUDGETS[quality]
    map_ = parallel if budget.triangles <= _MOST_PARALLEL else map
    source = SamplingSource.of(layout, runs)
    raw = sample(source, budget, map_)
    fields = {label: surface.field for label, surface in raw.items()}
    progress(0.5)

    def neighbours(organ: OrganVoxels) -> list[Field]:
        return [field for label, field in fields.items() if label != organ.label]

    def smooth(item: tuple[OrganVoxels, RawSurface | None]) -> OrganSurface:
        started, (organ, surface) = time.perf_counter(), item
        result = smooth_surface(organ, surface, source, neighbours(organ))
        return replace(result, seconds=time.perf_counter() - started)

    items = _take(raw, [organs[label] for label in largest_first(runs)])
    meshed: dict[int, MeshedOrgan] = {}
    for result in map_(lambda surface: _finish(surface, source, neighbours(surface.organ)), map_(smooth, items)):
        meshed[result.label] = result
        progress(0.5 + 0.5 * len(meshed) / len(organs))
    return meshed


def _take(raw: dict[int, RawSurface], organs: Sequence[OrganVoxels]) -> Iterator[tuple[OrganVoxels, RawSurface | None]]:
    """Each organ with its raw surface, which is removed from `raw`: its memory is free once the organ is smoothed."""
    for organ in organs:
        yield organ, raw.pop(organ.label, None)


def _finish(surface: OrganSurface, source: SamplingSource, neighbours: Sequence[Field]) -> MeshedOrgan:
    """Check a smooth surface; where a check fails, use the first other surface that passes.

    A small organ is tried again on a finer lattice, which shows single voxels. The last resort is the plain surface,
    which is checked as well.
    """
    started, organ = time.perf_counter(), surface.organ
    candidate, checks = surface, check(surface)
    if not checks.passed and organ.is_small:
        candidate = smooth_surface(organ, sample_finely(source, organ.label), source, neighbours)
        checks = check(candidate)
    if not checks.passed and candidate.method != "voxels":
        candidate = plain_surface(organ)
        checks = check(candidate)
    return _describe(candidate, checks, surface.seconds + time.perf_counter() - started)


def _describe(surface: OrganSurface, checks: Checks, seconds: float) -> MeshedOrgan:
    organ = surface.organ
    ends = open_ends(organ.runs, organ.layout)
    codes = {
        "touches_border": ends.border > 0.0,
        "cut_in_scan": ends.cut > 0.0,
        "tiny": organ.volume < TINY_MM3,
        "many_components": organ.components - organ.dropped > MANY_COMPONENTS,
        "components_dropped": organ.dropped > 0,
        "fallback": surface.method != "field",
        "check_failed": not checks.passed,
    }
    return MeshedOrgan(
        definition=unnamed(organ.label),
        mesh=surface.mesh,
        checks=checks,
        method=surface.method,
        voxels=organ.runs.voxels,
        volume_voxels_ml=organ.volume / 1000.0,
        volume_mesh_ml=surface.measures.volume / 1000.0,
        surface_cm2=surface.measures.area / 100.0,
        box=_box(surface.mesh.vertices),
        components=organ.components,
        dropped_components=organ.dropped,
        dropped_ml=organ.dropped_ml,
        ends=ends,
        seconds=seconds,
        warnings=tuple(code for code, applies in codes.items() if applies),
    )


def _box(points: Float64) -> Box:
    """Lowest and highest corner; NumPy does that much faster column by column than along the first axis."""
    x, y, z = points.T
    return (float(x.min()), float(y.min()), float(z.min())), (float(x.max()), float(y.max()), float(z.max()))


def _absent(definition: Organ, organ: OrganVoxels | None) -> MeshedOrgan:
    """An organ without a voxel, or one whose components were all dropped."""
    dropped = organ.dropped if organ else 0
    return MeshedOrgan(
        definition=definition,
        mesh=None,
        checks=None,
        method="none",
        voxels=0,
        volume_voxels_ml=0.0,
        volume_mesh_ml=0.0,
        surface_cm2=0.0,
        box=None,
        components=dropped,
        dropped_components=dropped,
        dropped_ml=organ.dropped_ml if organ else 0.0,
        ends=OpenEnds(0.0, 0.0),
        seconds=0.0,
        warnings=("absent", "components_dropped") if dropped else ("absent",),
    )
