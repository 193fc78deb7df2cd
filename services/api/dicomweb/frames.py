"""Single frames of an instance: as they are stored, by ranged reads, or uncompressed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import uid
from pydicom.encaps import get_frame

from services.api.dicomweb.qido import bits
from services.api.dicomweb.transcoding import EXPLICIT, transcoded
from services.api.gateway import Context
from shared import sandbox
from shared.errors import BadRequest, CorruptScan, NotFound
from shared.ledger.dicom.instances import Instance
from shared.pacs import instance_list

OCTETS = "application/octet-stream"
_PLAIN = (str(uid.ImplicitVRLittleEndian), EXPLICIT)
_MEDIA_TYPES = {
    uid.JPEGBaseline8Bit: "image/jpeg",
    uid.JPEGExtended12Bit: "image/jpeg",
    uid.JPEGLossless: "image/jpeg",
    uid.JPEGLosslessSV1: "image/jpeg",
    uid.JPEGLSLossless: "image/jls",
    uid.JPEGLSNearLossless: "image/jls",
    uid.JPEG2000Lossless: "image/jp2",
    uid.JPEG2000: "image/jp2",
    uid.HTJ2KLossless: "image/jphc",
    uid.HTJ2KLosslessRPCL: "image/jphc",
    uid.HTJ2K: "image/jphc",
    uid.RLELossless: "image/dicom-rle",
}
"""Media type of a single frame as it is stored (PS3.18 8.7.3)."""


def numbers(text: str, one: Instance) -> list[int]:
    """The frames a path names; raises BadRequest, or NotFound for one beyond the last."""
    parts = text.split(",")
    if not all(part.isascii() and part.isdigit() and 0 < len(part) < 9 for part in parts) or len(parts) > 1000:
        raise BadRequest("Frames are whole numbers from 1, separated by commas.", "bad_query")
    wanted = [int(part) for part in parts]
    if not all(1 <= number <= one.frames for number in wanted) or (not one.pixel_length and one.syntax in _PLAIN):
        raise NotFound("There is no such frame.")
    return wanted


def choose(ranges: list[tuple[str, dict[str, str]]], one: Instance) -> tuple[str | None, str]:
    """The media type and transfer syntax to send frames in; None where the client takes none of what there is."""
    stored = EXPLICIT if one.syntax in _PLAIN else one.syntax
    own = _MEDIA_TYPES.get(uid.UID(stored), OCTETS)
    for kind, parameters in ranges:
        syntax = parameters.get("transfer-syntax")
        wanted = kind.removeprefix("multipart/related; type=")
        if wanted == "*/*" or (wanted == OCTETS and syntax in (None, EXPLICIT)):
            return OCTETS, EXPLICIT
        if wanted == OCTETS and syntax in ("*", stored):
            return OCTETS, stored
        if wanted in (own, "image/*") and own != OCTETS and syntax in (None, "*", stored):
            return own, stored
    return None, ""


def read(context: Context, one: Instance, held: dict[str, Any], wanted: list[int], *, decoded: bool) -> Iterator[bytes]:
    """The frames' bytes, in the order asked for."""
    if one.syntax in _PLAIN and one.pixel_length > 0:
        for number in wanted:
            yield _plain(context, one, held, number)
    elif decoded:
        with transcoded(context, one) as path:
            out = path.with_name("metadata")
            found = sandbox.call("describe", files=[[str(path), str(out)]])["instances"][0]
            for number in wanted:
                start, stop = _place(found["offset"], held, one, number)
                yield _slice(path, start, stop)
    else:
        yield from _encapsulated(context, one, wanted)


def _plain(context: Context, one: Instance, held: dict[str, Any], number: int) -> bytes:
    allocated, samples = bits(held)
    pixels = one.rows * one.columns * samples * allocated
    if pixels % 8 == 0:
        start, stop = _place(one.pixel_offset, held, one, number)
        return b"".join(context.store.read(instance_list.instance_key(one.id), start, stop))
    first, last = (number - 1) * pixels, number * pixels  # one bit a pixel, frames without padding (PS3.5 8.1.1)
    start, stop = one.pixel_offset + first // 8, one.pixel_offset + (last + 7) // 8
    raw = b"".join(context.store.read(instance_list.instance_key(one.id), start, stop))
    flat = np.unpackbits(np.frombuffer(raw, np.uint8), bitorder="little")
    return np.packbits(flat[first % 8 : first % 8 + pixels], bitorder="little").tobytes()


def _place(offset: int, held: dict[str, Any], one: Instance, number: int) -> tuple[int, int]:
    allocated, samples = bits(held)
    size = one.rows * one.columns * samples * allocated // 8
    return offset + (number - 1) * size, offset + number * size


def _slice(path: Path, start: int, stop: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(stop - start)


def _encapsulated(context: Context, one: Instance, wanted: list[int]) -> Iterator[bytes]:
    with context.store.file(instance_list.instance_key(one.id)) as path, path.open("rb") as file:
        for number in wanted:
            file.seek(one.pixel_offset)
            try:
                yield get_frame(file, number - 1, number_of_frames=one.frames)
            except (ValueError, EOFError, IndexError) as error:
                raise CorruptScan("The instance's pixels are damaged.") from error
