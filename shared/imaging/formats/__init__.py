"""Reads scans: DICOM series, NIfTI and PNG stacks, in folders, in zip files or as single files.

`open_scan` reads names and headers only and refuses scans that can't be used; `Plan.decode` then reads the voxels.
Input may be hostile: run both through `shared.sandbox`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from shared.errors import CorruptScan, MixedSeries, NotAScan
from shared.imaging.formats.limits import Limits
from shared.imaging.formats.members import Member, members_of
from shared.imaging.formats.plan import Plan
from shared.imaging.volume import Volume

__all__ = ["Limits", "Plan", "open_scan", "read_scan"]

Spacing = tuple[float, float, float]


def open_scan(
    path: Path,
    spacing: Spacing | None = None,
    limits: Limits | None = None,
    prepare: Callable[[str], None] = lambda _: None,
) -> Plan:
    """Return the plan of the scan at `path` (folder, zip or file), from names and headers.

    `prepare` is called with each kind of image (png, nifti, dicom) before it is read. `spacing` is (slice, row, column)
    mm; it overrules the names of a PNG stack. Raises a `BadScan` with a stable code for every scan that can't be used.
    """
    limits = limits or Limits()
    kinds: dict[str, list[Member]] = {"png": [], "nifti": [], "dicom": [], "headless": []}
    for member in members_of(path, limits):
        kind = _kind(member)
        if kind:
            kinds[kind].append(member)
    kinds_present = [kind for kind in ("png", "nifti", "dicom") if kinds[kind]]
    if not kinds_present and kinds["headless"]:
        raise CorruptScan("The DICOM file meta header is missing, so the encoding of the data is unknown.")
    if not kinds_present:
        raise NotAScan("There is no DICOM, NIfTI or PNG image in it.")
    for kind in kinds_present:
        prepare(kind)
    return _plan(kinds_present, kinds, spacing, limits)


def read_scan(path: Path, spacing: Spacing | None = None, limits: Limits | None = None) -> Volume:
    """Return the scan at `path` as a Volume on its own grid.

    Raises a `BadScan` if there is none.
    """
    return open_scan(path, spacing, limits).decode()


def _plan(kinds_present: list[str], kinds: dict[str, list[Member]], spacing: Spacing | None, limits: Limits) -> Plan:
    plans = []
    refusal: Exception | None = None
    for kind in kinds_present:
        try:
            plans.append(_reader(kind)(kinds[kind], spacing, limits))
        except NotAScan as error:  # a DICOMDIR or a report beside the images is not a second series
            refusal = error
    if len(plans) > 1:
        raise MixedSeries(
            f"There are several kinds of images in it ({', '.join(kinds_present)}); send one series at a time."
        )
    if not plans:
        raise refusal or NotAScan("There is no image in it.")
    limits.check_voxels(plans[0].geometry.shape)
    return plans[0]


def _reader(kind: str) -> Callable[[list[Member], Spacing | None, Limits], Plan]:
    """Return the planner of a kind of image. It imports the libraries only now: most scans need only one of them."""
    reader: Callable[[list[Member], Spacing | None, Limits], Plan] = import_module(
        f"shared.imaging.formats.{kind}"
    ).plan
    return reader


def _is_nifti(head: bytes) -> bool:
    """Return whether these first 352 bytes are the header of a NIfTI-1 or NIfTI-2 single file."""
    return head[344:348] == b"n+1\0" or head[4:8] == b"n+2\0"


def _kind(member: Member) -> str | None:
    head = member.head(352)
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head[128:132] == b"DICM":
        return "dicom"
    if _is_nifti(head) or (head.startswith(b"\x1f\x8b") and _is_nifti(member.inflated_head(352))):
        return "nifti"
    # A data set without preamble starts with an element of group 2 or 8.
    if head[:2] in (b"\x08\x00", b"\x02\x00") and head[2:4] in (b"\x00\x00", b"\x01\x00", b"\x05\x00", b"\x16\x00"):
        return "headless"
    return None
