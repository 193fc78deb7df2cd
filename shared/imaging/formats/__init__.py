"""Reads scans: DICOM series, NIfTI, NRRD, MGH and PNG stacks, in folders, in archives or as single files.

`open_scan` reads names and headers only and refuses scans that can't be used; `Plan.decode` then reads the voxels.
Input may be hostile: run both through `shared.sandbox`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from shared.errors import BadGeometry, BadScan, MixedSeries, NotAScan
from shared.imaging.formats.kinds import describe_unread, kind_of
from shared.imaging.formats.limits import Limits
from shared.imaging.formats.members import Member, split_members
from shared.imaging.formats.plan import Hints, Plan
from shared.imaging.geometry import Geometry
from shared.imaging.volume import Modality, Volume

__all__ = ["READERS", "Limits", "Plan", "open_scan", "read_scan"]

Spacing = tuple[float, float, float]
Reader = Callable[[list[Member], Hints, Limits], Plan]
READERS = {
    "png": "shared.imaging.formats.png",
    "nifti": "shared.imaging.formats.nifti",
    "mgh": "shared.imaging.formats.mgh",
    "nrrd": "shared.imaging.formats.nrrd",
    "dicom": "shared.imaging.formats.dicom.plan",
}
"""The module of each kind of image; its function `plan` reads the headers."""
_READER_OF = {"pair": "nifti", "voxels": "nifti", "headless": "dicom"}
"""The reader of kinds that are no reader's own name: files of a pair, DICOM without preamble."""
FILES_SKIPPED = "files_skipped"
"""Warning: images beside the `scans/` folder were left out."""
LARGEST_PIXEL_MM = 10.0
LARGEST_EXTENT_MM = 2500.0


def open_scan(
    path: Path,
    spacing: Spacing | None = None,
    limits: Limits | None = None,
    prepare: Callable[[str], None] = lambda _: None,
    modality: Modality | None = None,
) -> Plan:
    """Return the plan of the scan at `path` (folder, archive or file), from names and headers.

    `prepare` is called with each kind of image (a key of READERS) before it is read. `spacing` is (slice, row, column)
    mm; it overrules the names of a PNG stack. `modality` is that of a file that does not say it. Raises a `BadScan`
    with a stable code for every scan that can't be used.
    """
    limits = limits or Limits()
    members, outside = split_members(path, limits)
    images = _by_reader(members)
    if not images:
        raise NotAScan(describe_unread(members))
    for kind in images:
        prepare(kind)
    plan = _plan(images, Hints(spacing, modality), limits)
    _check_plausible(plan.geometry)
    if any(kind_of(member) for member in outside):
        return replace(plan, warnings=(*plan.warnings, FILES_SKIPPED))
    return plan


def read_scan(
    path: Path, spacing: Spacing | None = None, limits: Limits | None = None, modality: Modality | None = None
) -> Volume:
    """Return the scan at `path` as a Volume on its own grid.

    Raises a `BadScan` if there is none.
    """
    return open_scan(path, spacing, limits, modality=modality).decode()


def _by_reader(members: list[Member]) -> dict[str, list[Member]]:
    """Return the images by the kind of their reader."""
    images: dict[str, list[Member]] = {}
    for member in members:
        kind = kind_of(member)
        if kind is not None:
            images.setdefault(_READER_OF.get(kind, kind), []).append(member)
    if all(kind_of(member) == "voxels" for member in images.get("nifti", ())):
        images.pop("nifti", None)  # an .img file without its header
    return {kind: images[kind] for kind in READERS if kind in images}


def _plan(images: dict[str, list[Member]], hints: Hints, limits: Limits) -> Plan:
    plans = []
    refusal: BadScan | None = None
    for kind, members in images.items():
        reader: Reader = import_module(READERS[kind]).plan  # imports its libraries only where they are needed
        try:
            plans.append(reader(members, hints, limits))
        except NotAScan as error:  # a DICOMDIR or a report beside the images is not a second series
            refusal = error
    if len(plans) > 1:
        raise MixedSeries(f"There are several kinds of images in it ({', '.join(images)}); send one series at a time.")
    if not plans:
        raise refusal or NotAScan("There is no image in it.")
    limits.check_voxels(plans[0].geometry.shape, plans[0].channels)
    return plans[0]


def _check_plausible(grid: Geometry) -> None:
    """Refuse voxel sizes and extents that no patient has: wrong units make a memory bomb and wrong volumes."""
    sizes = sorted(grid.spacing)  # in plane are the two smaller ones, whatever the orientation
    if sizes[1] >= LARGEST_PIXEL_MM:
        raise BadGeometry(
            f"A pixel would be {sizes[1]:.0f} mm wide; less than {LARGEST_PIXEL_MM:.0f} mm is read. "
            "Check the unit of the spacing."
        )
    extent = max(size * count for size, count in zip(grid.spacing, grid.shape, strict=True))
    if extent > LARGEST_EXTENT_MM:
        raise BadGeometry(
            f"The scan would be {extent / 1000.0:.1f} m long; at most {LARGEST_EXTENT_MM / 1000.0:.1f} m is read. "
            "Check the unit of the spacing."
        )
