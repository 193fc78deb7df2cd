"""Our mesher beside others on the same label maps, in one run, interleaved: `python -m bench.meshes --data DIR`.

Writes bench/results/meshes.json, meshes.md and pictures. Distances are to the known surfaces of the synthetic abdomen.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from bench.cases import synthetic, truths, volume
from bench.distance import Surface, compare, interpenetration
from bench.peers import WAYS, Surfaces
from services.mesher.core import mesh
from services.mesher.glb import to_glb
from services.mesher.provenance import Provenance
from services.mesher.results import MeshedOrgans, Quality
from services.mesher.surface.crossings import crossings
from services.mesher.surface.topology import topology
from services.mesher.thumbnail import View, render
from shared.imaging.geometry import Geometry
from shared.imaging.volume import LabelMap

RESULTS = Path(__file__).parent / "results"
OURS: tuple[Quality, ...] = ("light", "standard", "fine")
SLOW = {"published way"}
"""Run once, and on the small case only."""
SAMPLES = 12_000
Row = dict[str, Any]


def ways() -> dict[str, tuple[Callable[[LabelMap], Any], Callable[[Any], bytes], Callable[[Any], Surfaces]]]:
    """Per name: meshing, writing the file, and the plain surfaces of what meshing gave."""
    choices: dict[str, Any] = {f"ours, {quality}": _ours(quality) for quality in OURS}
    for name, (make, write) in WAYS.items():
        choices[name] = (make, write, lambda surfaces: surfaces)
    return choices


def _ours(quality: Quality) -> Any:
    def surfaces(meshed: MeshedOrgans) -> Surfaces:
        return {output.label: (output.vertices, output.faces) for output in meshed.meshes}

    return (
        lambda label_map: mesh(label_map, quality),
        lambda meshed: to_glb(meshed.organs, Provenance()),
        surfaces,
    )


def run_case(name: str, label_map: LabelMap, truth: dict[int, Surface], repeats: int) -> list[Row]:
    """One case through all ways: every round runs each of them once, so that load falls on all alike."""
    chosen = ways()
    seconds: dict[str, list[tuple[float, float]]] = {way: [] for way in chosen}
    results: dict[str, Any] = {}
    for turn in range(repeats):
        for way, (make, write, _) in chosen.items():
            if way in SLOW and (turn >= 1 or name != "mri"):
                continue
            began = time.perf_counter()
            output = make(label_map)
            middle = time.perf_counter()
            results[way] = (output, len(write(output)))
            seconds[way].append((middle - began, time.perf_counter() - began))
            print(f"{name} {turn} {way}: {middle - began:.3f} s", file=sys.stderr, flush=True)
    rows = []
    for way, (output, size) in results.items():
        surfaces = chosen[way][2](output)
        row: Row = {"case": name, "way": way, "bytes": size, "runs": len(seconds[way])}
        row["mesh_s"] = statistics.median(first for first, _ in seconds[way])
        row["file_s"] = statistics.median(both for _, both in seconds[way])
        row["memory_mb"] = peak_memory(way, label_map)
        rows.append(row | judge(surfaces, label_map, truth))
    return rows


def judge(surfaces: Surfaces, label_map: LabelMap, truth: dict[int, Surface]) -> Row:
    """How faithful and how sound the surfaces are."""
    prepared, row = {}, {"triangles": 0, "msd": [], "hd95": [], "normal_deg": [], "volume_error": [], "manifold": []}
    row["crossings"] = []
    for label, (vertices, faces) in sorted(surfaces.items()):
        outward = faces if volume(vertices, faces) > 0 else faces[:, ::-1]
        prepared[label] = Surface(vertices, outward)
        distance = compare(prepared[label], truth[label], SAMPLES)
        voxels = float((label_map.data == label).sum()) * label_map.geometry.voxel_ml * 1000.0
        closed, simple = topology(np.ascontiguousarray(outward, dtype=np.int32), len(vertices))
        row["triangles"] += len(faces)
        row["msd"].append(round(float(distance.mean), 4))
        row["hd95"].append(round(float(distance.hd95), 3))
        row["normal_deg"].append(round(distance.normal_deg, 2))
        row["volume_error"].append(round(volume(vertices, outward) / voxels - 1.0, 5))
        row["manifold"].append("yes" if simple else "closed" if closed else "no")
        row["crossings"].append(crossings(vertices, outward))
    pairs = [(a, b) for a in prepared for b in prepared if a != b]
    row["interpenetration"] = max(interpenetration(prepared[a], prepared[b], count=SAMPLES) for a, b in pairs)
    return row


def peak_memory(way: str, label_map: LabelMap) -> float:
    """MB by which the resident size peaks over that before meshing, in a fresh process."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=_peak, args=(way, label_map.data, label_map.geometry.affine, theirs))
    child.start()
    peak: float = ours.recv()
    child.join()
    return peak


def _peak(way: str, data: Any, affine: Any, pipe: Any) -> None:
    make = ways()[way][0]
    tiny = np.zeros((12, 12, 12), dtype=np.uint8)
    tiny[3:9, 3:9, 3:9] = 1
    make(LabelMap(tiny, Geometry.from_spacing(tiny.shape, (1.0, 1.0, 1.0))))  # imports and tables first
    label_map = LabelMap(data, Geometry(data.shape, affine))
    before = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    make(label_map)
    pipe.send((_status("VmHWM") - before) / 1024.0)


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


def growth() -> list[Row]:
    """Seconds and memory of the standard quality from 64^3 to 1024 x 1024 x 800: three balls in a box."""
    rows = []
    for shape in ((64, 64, 64), (128, 128, 128), (256, 256, 256), (400, 512, 512), (800, 1024, 1024)):
        label_map = _balls(shape)
        mesh(label_map)
        seconds = []
        for _ in range(3):
            began = time.perf_counter()
            meshed = mesh(label_map)
            seconds.append(time.perf_counter() - began)
        row = {"shape": shape, "voxels": int(np.prod(shape)), "mesh_s": statistics.median(seconds)}
        row |= {"triangles": sum(len(output.faces) for output in meshed.meshes)}
        rows.append(row | {"memory_mb": peak_memory("ours, standard", label_map)})
    return rows


def _balls(shape: tuple[int, int, int]) -> LabelMap:
    data = np.zeros(shape, dtype=np.uint8)
    for label, place in enumerate(((0.3, 0.3, 0.3), (0.35, 0.65, 0.6), (0.7, 0.5, 0.4)), start=1):
        axes = [((np.arange(n) / n - p) / 0.2) ** 2 for n, p in zip(shape, place, strict=True)]
        for number in np.flatnonzero(axes[0] < 1.0):
            data[number][axes[0][number] + axes[1][:, None] + axes[2] < 1.0] = label
    return LabelMap(data, Geometry.from_spacing(shape, tuple(300.0 / n for n in shape)))


def pictures(label_map: LabelMap, name: str) -> None:
    """Our three qualities from two sides."""
    rows = []
    for quality in OURS:
        organs = mesh(label_map, quality).organs
        rows.append(np.hstack([render(organs, 480), render(organs, 480, View(-60.0, 25.0))]))
    cv2.imwrite(str(RESULTS / f"meshes_{name}.png"), np.vstack(rows)[:, :, ::-1])


def table(rows: list[Row], growth_rows: list[Row], machine: Row) -> str:
    """The results as Markdown."""
    lines = [
        "# Meshes: our way beside others",
        "",
        f"{machine['cpu']}, {machine['cores']} cores, Python {machine['python']}, commit {machine['commit']}; medians "
        "of interleaved runs. Distances in mm to the true surfaces, stomach / small bowel / large bowel; memory is the "
        "peak over the label map and the libraries; crossings are pairs of a surface's triangles that pass through "
        "each other; interpenetration is the worst share of a surface deeper than "
        "0.1 mm in a neighbour. Seconds depend on what else ran on the machine: compare rows of one case.",
        "",
        "| case | way | mesh s | with file s | MB | triangles | msd | HD95 | normals deg | volume % | manifold | "
        "crossings | interpen. % | file MB |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = [row["case"], row["way"], f"{row['mesh_s']:.3f}", f"{row['file_s']:.3f}", f"{row['memory_mb']:.0f}"]
        cells += [f"{row['triangles']}", _slashed(row["msd"], ".3f"), _slashed(row["hd95"], ".2f")]
        cells += [_slashed(row["normal_deg"], ".1f"), _slashed([100 * v for v in row["volume_error"]], ".2f")]
        cells += [
            " / ".join(row["manifold"]),
            " / ".join(f"{n}" for n in row["crossings"]),
            f"{100 * row['interpenetration']:.2f}",
            f"{row['bytes'] / 1e6:.2f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    lines += [
        "",
        "## How it grows (standard)",
        "",
        "| grid | mesh s | MB over the label map | triangles |",
        "|---|---|---|---|",
    ]
    for row in growth_rows:
        size = " x ".join(str(n) for n in row["shape"][::-1])
        lines.append(f"| {size} | {row['mesh_s']:.3f} | {row['memory_mb']:.0f} | {row['triangles']} |")
    return "\n".join(lines) + "\n"


def _slashed(values: list[float], form: str) -> str:
    return " / ".join(format(value, form) for value in values)


def _machine() -> Row:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    cores = len(os.sched_getaffinity(0))
    return {"cpu": cpu, "cores": cores, "python": platform.python_version(), "commit": commit.stdout.strip()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder with mesh/mri.npz, ct.npz and truth.npz")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--ct-repeats", type=int, default=7)
    parser.add_argument("--cases", default="mri,ct")
    parser.add_argument("--no-growth", action="store_true")
    options = parser.parse_args()
    truth = truths(options.data)
    rows: list[Row] = []
    for name in options.cases.split(","):
        label_map = synthetic(options.data, name)
        rows += run_case(name, label_map, truth, options.ct_repeats if name == "ct" else options.repeats)
        pictures(label_map, name)
    growth_rows = [] if options.no_growth else growth()
    machine = _machine()
    RESULTS.mkdir(exist_ok=True)
    everything = {"machine": machine, "rows": rows, "growth": growth_rows}
    (RESULTS / "meshes.json").write_text(json.dumps(everything, indent=1) + "\n")
    (RESULTS / "meshes.md").write_text(table(rows, growth_rows, machine))


if __name__ == "__main__":
    main()
