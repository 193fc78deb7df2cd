"""Names of labels: in the header of a NIfTI or NRRD file, or in a JSON file."""

from __future__ import annotations

import gzip
import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import nrrd

from shared.errors import UnsupportedScan
from shared.imaging.label_table import MOST_BYTES, from_description, from_xml, label_set, named
from shared.imaging.volume import Organ, SourceFormat

_HEADER_BYTES = {1: 348, 2: 540}


@dataclass(frozen=True, slots=True)
class Head:
    """The scale slope (0: not scaled) and the named labels of a file."""

    slope: float = 0.0
    organs: tuple[Organ, ...] = ()


def read_head(path: Path, source: SourceFormat) -> Head:
    """Read the slope and the names from the header of a file; those of an MGH file are not known."""
    if source == "nrrd":
        return Head(organs=_segments(path))
    return _read_nifti(path) if source == "nifti" else Head()


def _read_nifti(path: Path) -> Head:
    """The slope, and the names from the first extension that is a label table, or from the description."""
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        content = (gzip.GzipFile(fileobj=raw) if packed else raw).read(MOST_BYTES)
    version = 2 if content[4:8] == b"n+2\0" else 1
    size = _HEADER_BYTES[version]
    kind: Any = nib.Nifti2Header if version == 2 else nib.Nifti1Header
    header = kind(content[:size], check=False)
    slope = float(header["scl_slope"])
    is_scaled = math.isfinite(slope) and (slope, float(header["scl_inter"])) != (1.0, 0.0)
    table = from_xml(_table(content, size + 4, header.endianness))
    description = bytes(header["descrip"].item()).decode("ascii", "replace")
    return Head(slope if is_scaled else 0.0, table or from_description(description))


def _table(content: bytes, start: int, endianness: str) -> bytes:
    """The XML of the first extension with a label table; extensions follow the header, each with size and code."""
    if content[start - 4 : start - 3] != b"\1":
        return b""
    while start + 8 <= len(content):
        size, _ = struct.unpack(f"{endianness}ii", content[start : start + 8])
        if size < 16 or size % 16:
            return b""
        body = content[start + 8 : start + size]
        if b"<LabelTable" in body:
            return body
        start += size
    return b""


def _segments(path: Path) -> tuple[Organ, ...]:
    """The segments of a .seg.nrrd file of 3D Slicer; none for another NRRD."""
    header = nrrd.read_header(str(path))
    names = {}
    for key, value in header.items():
        prefix, _, field = str(key).rpartition("_")
        name = header.get(f"{prefix}_Name")
        if prefix.startswith("Segment") and field == "LabelValue" and name and str(value).isdecimal():
            names[int(value)] = named(int(value), str(name), _colour(header.get(f"{prefix}_Color")))
    return label_set(names)


def _colour(text: object) -> tuple[int, int, int] | None:
    try:
        red, green, blue = (round(255 * min(max(float(part), 0.0), 1.0)) for part in str(text).split())
    except ValueError:
        return None
    return red, green, blue


def read_names(path: Path) -> tuple[Organ, ...]:
    """Read names from JSON: {"1": "liver"}, {"liver": 1}, or the dataset.json of nnU-Net.

    Raises UnsupportedScan for another content.
    """
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
        labels = content["labels"] if isinstance(content.get("labels"), dict) else content
        pairs = [(key, value) if str(key).isdecimal() else (value, key) for key, value in labels.items()]
        return label_set({int(label): named(int(label), str(name)) for label, name in pairs})
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise UnsupportedScan('The names of labels are JSON such as {"1": "liver", "2": "spleen"}.') from error
