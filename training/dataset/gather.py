"""Prepares all cases of one data folder: its sources, their paths and their pixel sizes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from shared.imaging.geometry import Geometry, to_axial
from shared.imaging.phantoms import abdomen, default_grid
from training.dataset.cases import Case, save_case
from training.dataset.corrected import corrected_results
from training.dataset.partial import partial_slices
from training.dataset.prepare import (
    Codes,
    competition,
    figure_slices,
    labelled_slices,
    read_outlines,
    scan_pair,
    shapes,
)
from training.dataset.preview import table_row, write_sheet, write_table
from training.dataset.synth_mr import synth_mr_cases


@dataclass(frozen=True, slots=True)
class Sources:
    """Paths below the data folder; sources that do not exist are skipped.

    `field_mm` maps a prefix of a single slice's name to its field of view (height, width) in mm; `first_seen` maps an
    unlabelled scan to the number of its first slice with an organ, found by eye. Each entry of `ct` is a scan, its
    TotalSegmentator structures and the number of synthetic MR cases to make from it.
    """

    scans: str = "uwm"
    outlines: tuple[str, ...] = ("uwm/train_masks.csv", "uwm/case139_day0/train.csv")
    slices: str = "uwm/slices"
    figures: str = "uwm/figures"
    partial: str = "uwm/figures_partial"
    corrections: str = "corrections"
    field_mm: dict[str, tuple[float, float]] = field(
        default_factory=lambda: {
            "": (399.0, 399.0),
            "case117_day1": (414.0, 414.0),
            "case119_day0": (465.0, 540.0),
        }
    )
    first_seen: dict[str, int] = field(default_factory=lambda: {"unk266": 91})
    ct: tuple[tuple[str, str, int], ...] = (
        ("ct/example_ct.nii.gz", "ct/example_ct_totalseg_v2_labels.nii.gz", 12),
        ("ct/example_ct_dicom", "ct/example_ct_dicom_totalseg_v2_labels.nii.gz", 8),
    )
    phantoms: int = 12


def gather(root: Path, sources: Sources) -> Iterator[Case]:
    """All cases for training below `root`, then phantoms."""
    codes = read_all_outlines(root, sources)
    if (root / sources.scans).is_dir():
        yield from competition(root / sources.scans, codes, sources.first_seen)
    if (root / sources.slices).is_dir():
        yield from labelled_slices(root / sources.slices, sources.field_mm)
    for image, structures, count in sources.ct:
        if (root / image).exists():
            yield from synth_mr_cases(scan_pair(root / image, root / structures, "CT"), count)
    yield from (case for case in shapes(codes) if (case.labels > 0).any())
    yield from phantoms(sources.phantoms)


def read_all_outlines(root: Path, sources: Sources) -> Codes:
    """The outlines of the competition's scans below `root`, from all files that are there."""
    codes: Codes = {}
    for name in sources.outlines:
        if (root / name).is_file():
            codes.update(read_outlines(root / name))
    return codes


def phantoms(count: int, seed: int = 0) -> Iterator[Case]:
    """Computed abdomens on grids with different pixel sizes and fields of view."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        grid = default_grid(slices=int(rng.integers(28, 56)), side=int(rng.integers(140, 180)))
        zoom = np.diag([*rng.uniform(0.9, 1.15, 3), 1.0]) if number else np.eye(4)
        phantom = abdomen(Geometry(grid.shape, grid.affine @ zoom), seed=number)
        turn = to_axial(phantom.volume.geometry)
        data, labels = turn.apply(phantom.volume.data), turn.apply(phantom.labels.data)
        name = f"phantom{number:02d}"
        yield Case(name, name, "volume", "MR", turn.target.spacing, data, labels)


def prepare(root: Path, out: Path, sources: Sources | None = None) -> list[str]:
    """Write all cases to `out`, with a picture of each and a table; returns one line per case.

    Training reads all of `out/cases`. Slices from figures go to `out/figures`, those of which only some organs are
    outlined to `out/partial`, corrected results to `out/corrections`: models are measured on the first, and `update`
    learns from each.
    """
    sources = sources or Sources()
    lines, rows = [], []
    for case in gather(root, sources):
        save_case(case, out / ("shapes" if case.kind == "shape" else "cases"))
        write_sheet(case, out / "pictures")
        rows.append(table_row(case))
        lines.append(_line(case))
    for folder, cases in _apart(root, sources):
        for case in cases:
            save_case(case, out / folder)
            lines.append(_line(case))
    write_table(rows, out / "cases.md")
    return lines


def _apart(root: Path, sources: Sources) -> Iterator[tuple[str, Iterator[Case]]]:
    """The cases that training does not read by itself, by the folder that they go to."""
    yield "corrections", corrected_results(root / sources.corrections)
    if (root / sources.figures).is_dir():
        yield "figures", figure_slices(root / sources.figures)
    if (root / sources.partial).is_dir():
        yield "partial", partial_slices(root / sources.partial)


def _line(case: Case) -> str:
    counts = [int(((case.labels == label).any(axis=(1, 2))).sum()) for label in (1, 2, 3)]
    return f"{case.name} {case.kind} {case.modality} {case.data.shape} {case.spacing} slices with {counts}"
