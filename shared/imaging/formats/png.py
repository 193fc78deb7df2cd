"""Stacks of PNG slices, named as in the UW-Madison GI tract data set.

`slice_0001_266_266_1.50_1.50.png`: slice number, width, height, and the width and height of a pixel in mm. A PNG has no
position in the patient. By convention columns run to the patient's left, rows to posterior, slice numbers to the feet.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.errors import (
    BadGeometry,
    CorruptScan,
    MissingSpacing,
    MixedSeries,
    ScanTooLarge,
    TooFewSlices,
    UnsupportedScan,
)
from shared.imaging.formats.limits import Limits
from shared.imaging.formats.members import Member
from shared.imaging.formats.plan import Hints, Pixels, Plan
from shared.imaging.formats.values import MODALITY_GUESSED
from shared.imaging.geometry import Geometry

SLICE_MM = 3.0
"""Slice distance in mm of the UW-Madison data set; its file names do not say it."""

_NAME = re.compile(
    r"^(?P<case>.*?)_?slice_(?P<n>\d+)_(?P<w>\d+)_(?P<h>\d+)_(?P<dx>\d+[.,]?\d*)_(?P<dy>\d+[.,]?\d*)"
    r"(?: ?\(\d+\))?\.png$",  # browsers number repeated downloads: "name (1).png"
    re.I,
)
_NUMBER = re.compile(r"(\d+)(?: ?\(\d+\))?\.png$", re.I)
_COPY = re.compile(r"\(\d+\)\.png$", re.I)


@dataclass(frozen=True, slots=True)
class _Slice:
    member: Member
    stack: tuple[str, str]
    number: int
    pixel: tuple[float, float] | None  # (row, column) mm
    size: tuple[int, int]  # (rows, columns)
    depth: int


def plan(members: list[Member], hints: Hints, limits: Limits) -> Plan:
    """Return the plan of a PNG stack from names and headers; the spacing of `hints` overrules the names."""
    slices = sorted((_slice(member, limits) for member in members), key=lambda s: s.number)
    _one_stack(slices)
    if len(slices) < 2:
        raise TooFewSlices("One slice makes no volume; at least two are needed.")
    numbers = [s.number for s in slices]
    if len(set(numbers)) < len(numbers):
        raise BadGeometry(_doubled(slices))
    if numbers[-1] - numbers[0] != len(numbers) - 1:
        raise BadGeometry(f"Slice numbers {numbers[0]} to {numbers[-1]} have a gap: {len(numbers)} slices are there.")
    spacing = hints.spacing or _spacing(slices)
    return Plan(
        geometry=Geometry.from_spacing((len(slices), *slices[0].size), spacing, directions=(1, 1, -1)),
        source="png",
        itemsize=max(s.depth for s in slices) // 8,
        read=partial(_read, slices, hints),
        warnings=() if hints.modality else (MODALITY_GUESSED,),
    )


def _doubled(slices: list[_Slice]) -> str:
    if any(_COPY.search(s.member.name) for s in slices):
        return "Two slices have the same number; names that end in (1) look like a second download of the same file."
    return "Two slices have the same number."


def _slice(member: Member, limits: Limits) -> _Slice:
    columns, rows, depth = _header(member)
    limits.check_voxels((1, rows, columns))
    folder = member.path.parent.as_posix()
    match = _NAME.match(member.name)
    if match is None:
        number = _NUMBER.search(member.name)
        return _Slice(member, (folder, ""), int(number[1]) if number else 0, None, (rows, columns), depth)
    if (int(match["w"]), int(match["h"])) != (columns, rows):
        raise BadGeometry(f"A slice's name says {match['w']} x {match['h']} pixels, the image has {columns} x {rows}.")
    pixel = (_millimetres(match["dy"]), _millimetres(match["dx"]))
    return _Slice(member, (folder, match["case"]), int(match["n"]), pixel, (rows, columns), depth)


def _millimetres(text: str) -> float:
    return float(text.replace(",", "."))


def _header(member: Member) -> tuple[int, int, int]:
    head = member.head(33)
    if len(head) < 33 or head[12:16] != b"IHDR":
        raise CorruptScan("A PNG slice is truncated.")
    columns, rows, depth = struct.unpack(">IIB", head[16:25])
    if not columns or not rows or depth not in (1, 2, 4, 8, 16):
        raise CorruptScan("A PNG slice has a damaged header.")
    return columns, rows, max(depth, 8)


def _one_stack(slices: list[_Slice]) -> None:
    stacks: dict[tuple[str, str], int] = {}
    for s in slices:
        stacks[s.stack] = stacks.get(s.stack, 0) + 1
    if len(stacks) > 1:
        counts = ", ".join(str(n) for n in list(stacks.values())[:10])
        raise MixedSeries(f"There are {len(stacks)} stacks in it (with {counts} slices); send one at a time.")
    if len({s.size for s in slices}) > 1 or len({s.pixel for s in slices}) > 1:
        raise MixedSeries("The slices differ in their numbers or sizes of pixels; send one series at a time.")


def _spacing(slices: list[_Slice]) -> tuple[float, float, float]:
    pixel = slices[0].pixel
    if pixel is None or min(pixel) <= 0:
        raise MissingSpacing(
            "The size of a pixel is not known: name slices like slice_0001_266_266_1.50_1.50.png or give a spacing."
        )
    return SLICE_MM, *pixel


def _read(slices: list[_Slice], hints: Hints) -> Pixels:
    first = _grey(slices[0])
    dtype = np.uint16 if any(s.depth == 16 for s in slices) else first.dtype
    data = np.empty((len(slices), *slices[0].size), dtype)
    data[0] = first
    for k, s in enumerate(slices[1:], start=1):
        data[k] = _grey(s)
    return Pixels(data, hints.modality or "MR")


def _grey(s: _Slice) -> NDArray[np.uint8] | NDArray[np.uint16]:
    if s.member.size > 64 + 16 * s.size[0] * s.size[1] * 8:
        raise ScanTooLarge("A PNG slice is far larger than its pixels need.")
    image = cv2.imdecode(np.frombuffer(s.member.read(), np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None or image.shape[:2] != s.size:
        raise CorruptScan("A PNG slice is truncated or damaged.")
    if image.ndim == 3:
        if not (image[..., 0] == image[..., 1]).all() or not (image[..., 0] == image[..., 2]).all():
            raise UnsupportedScan("The PNG slices are in colour; a scan has grey slices.")
        image = image[..., 0]
    return image  # type: ignore[return-value]
