"""The prepared cases of one data folder: which sources there are, where they lie, how big their pixels are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from shared.geometry import Geometry, to_axial
from shared.phantoms import abdomen, default_grid
from training.cases import Case, save_case
from training.look import row, write_sheet, write_table
from training.prepare import competition, figure_slices, labelled_slices, read_outlines, scan_pair, shapes
from training.render import renderings


@dataclass(frozen=True, slots=True)
class Sources:
    """Where things lie below the data folder; what is absent is passed over.

    `field_mm` is the height and width of the resized single slices, by the beginning of their names; `first_seen` the
    first slice that shows an organ, judged by eye; `ct` a scan, its TotalSegmentator structures and how many
    renderings are made of it.
    """

    scans: str = "uwm"
    outlines: tuple[str, ...] = ("uwm/train_masks.csv", "uwm/case139_day0/train.csv")
    slices: str = "uwm/slices"
    figures: str = "uwm/figures"
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
    """All cases below `root`, then phantoms made by formula."""
    codes = {}
    for name in sources.outlines:
        if (root / name).is_file():
            codes.update(read_outlines(root / name))
    if (root / sources.scans).is_dir():
        yield from competition(root / sources.scans, codes, sources.first_seen)
    if (root / sources.slices).is_dir():
        yield from labelled_slices(root / sources.slices, sources.field_mm)
    for image, structures, count in sources.ct:
        if (root / image).exists():
            yield from renderings(scan_pair(root / image, root / structures, "CT"), count)
    yield from (case for case in shapes(codes) if (case.labels > 0).any())
    yield from phantoms(sources.phantoms)


def phantoms(count: int, seed: int = 0) -> Iterator[Case]:
    """Abdomens made by formula on grids of different pixels and fields of view."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        grid = default_grid(slices=int(rng.integers(28, 56)), side=int(rng.integers(140, 180)))
        zoom = np.diag([*rng.uniform(0.9, 1.15, 3), 1.0]) if number else np.eye(4)
        made = abdomen(Geometry(grid.shape, grid.affine @ zoom), seed=number)
        turn = to_axial(made.volume.geometry)
        data, labels = turn.apply(made.volume.data), turn.apply(made.labels.data)
        name = f"phantom{number:02d}"
        yield Case(name, name, "volume", "MR", turn.target.spacing, data, labels)


def prepare(root: Path, out: Path, sources: Sources | None = None) -> list[str]:
    """Write all cases to `out`, a picture of each and a table of them beside; a line about each.

    Training reads all of `out/cases`; the slices from figures go to `out/figures` and are only measured on.
    """
    sources = sources or Sources()
    lines, rows = [], []
    for case in gather(root, sources):
        save_case(case, out / ("shapes" if case.kind == "shape" else "cases"))
        write_sheet(case, out / "pictures")
        rows.append(row(case))
        lines.append(_line(case))
    if (root / sources.figures).is_dir():
        for case in figure_slices(root / sources.figures):
            save_case(case, out / "figures")
            lines.append(_line(case))
    write_table(rows, out / "cases.md")
    return lines


def _line(case: Case) -> str:
    counts = [int(((case.labels == label).any(axis=(1, 2))).sum()) for label in (1, 2, 3)]
    return f"{case.name} {case.kind} {case.modality} {case.data.shape} {case.spacing} slices with {counts}"
