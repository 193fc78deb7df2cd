"""Slices of a DICOM series as their headers describe them, and what a result needs to refer to the series."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pydicom

from shared.imaging.formats.members import Member
from shared.imaging.formats.plan import Origin, Slice
from shared.imaging.geometry import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """A slice: its file, its frame (from 1; 0 for a single-frame image), its position and its rescaling."""

    member: Member
    sop_class: str
    sop_instance: str
    frame: int
    modality: str
    shape: tuple[int, int]
    bits: int
    position: Floats
    axes: tuple[Floats, Floats]  # directions in which columns and rows are counted
    pixel: tuple[float, float]  # distance of rows, of columns, mm
    lossy: bool
    slope: float
    intercept: float
    has_table: bool = False  # a Modality LUT Sequence in the place of slope and intercept
    is_hounsfield: bool = True
    volume: Mapping[str, str] = field(default_factory=dict)  # attributes that tell volumes apart, by keyword

    @property
    def keeps_integers(self) -> bool:
        """Return whether rescaling keeps whole numbers whole."""
        return not self.has_table and self.slope == 1.0 and self.intercept == int(self.intercept)


def origin_of(header: pydicom.Dataset, order: Sequence[Image]) -> Origin:
    """Return the series of these slices, which are in order.

    Identifiers that the files lack are derived from the instances.
    """
    first = order[0]
    instances = sorted({image.sop_instance for image in order})

    def known(keyword: str) -> str:
        return str(header.get(keyword) or derived_uid(keyword, *instances))

    slices = tuple(
        Slice(image.sop_class, image.sop_instance, image.frame, _triple(image.position)) for image in order
    )  # fmt: skip
    return Origin(
        study=known("StudyInstanceUID"),
        series=known("SeriesInstanceUID"),
        frame_of_reference=known("FrameOfReferenceUID"),
        modality=first.modality,
        shape=first.shape,
        orientation=(*_triple(first.axes[0]), *_triple(first.axes[1])),
        pixel=first.pixel,
        slices=slices,
    )


def derived_uid(*parts: str) -> str:
    """Return a UID that depends only on these texts (PS3.5 B.2: 2.25 and a 128-bit number)."""
    digest = bytearray(hashlib.sha256("\n".join(parts).encode()).digest()[:16])
    digest[6], digest[8] = digest[6] & 0x0F | 0x50, digest[8] & 0x3F | 0x80  # the fixed bits of a version 5 UUID
    return f"2.25.{int.from_bytes(digest, 'big')}"


def _triple(values: Floats) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])
