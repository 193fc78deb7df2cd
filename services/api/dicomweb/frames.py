"""Single frames of an instance: as stored, by ranged reads, or uncompressed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import uid
from pydicom.encaps import get_frame

from services.api.dicomweb.qido import bits
from services.api.dicomweb.transcoding import EXPLICIT, transcoded
from services.api.gateway import Gateway
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


def numbers(text: str, instance: Instance) -> list[int]:
    """Return the frame numbers of a path.

    Raises BadRequest, or NotFound for a number after the last frame.
    """
    parts = text.split(",")
    if not all(part.isascii() and part.isdigit() and 0 < len(part) < 9 for part in parts) or len(parts) > 1000:
        raise BadRequest("Frames are whole numbers from 1, separated by commas.", "bad_query")
    frame_numbers = [int(part) for part in parts]
    if not all(1 <= number <= instance.frames for number in frame_numbers) or (
        not instance.pixel_length and instance.syntax in _PLAIN
    ):
        raise NotFound("There is no such frame.")
    return frame_numbers


def choose(ranges: list[tuple[str, dict[str, str]]], instance: Instance) -> tuple[str | None, str]:
    """Return media type and transfer syntax of the frames; None where the client accepts no available one."""
    stored = EXPLICIT if instance.syntax in _PLAIN else instance.syntax
    own = _MEDIA_TYPES.get(uid.UID(stored), OCTETS)
    for kind, parameters in ranges:
        syntax = parameters.get("transfer-syntax")
        media_type = kind.removeprefix("multipart/related; type=")
        if media_type == "*/*" or (media_type == OCTETS and syntax in (None, EXPLICIT)):
            return OCTETS, EXPLICIT
        if media_type == OCTETS and syntax in ("*", stored):
            return OCTETS, stored
        if media_type in (own, "image/*") and own != OCTETS and syntax in (None, "*", stored):
            return own, stored
    return None, ""


def read(
    gateway: Gateway,
    tenant: str,
    instance: Instance,
    attributes: dict[str, Any],
    frame_numbers: list[int],
    *,
    decoded: bool,
) -> Iterator[bytes]:
    """Yield the bytes of the frames in the requested order."""
    if instance.syntax in _PLAIN and instance.pixel_length > 0:
        for number in frame_numbers:
            yield _plain(gateway, instance, attributes, number)
    elif decoded:
        with transcoded(gateway, tenant, instance) as path:
            out = path.with_name("metadata")
            described = gateway.sandboxed(tenant, "describe", files=[[str(path), str(out)]])["instances"][0]
            for number in frame_numbers:
                start, stop = _place(described["offset"], attributes, instance, number)
                yield _slice(path, start, stop)
    else:
        yield from _encapsulated(gateway, instance, frame_numbers)


def _plain(gateway: Gateway, instance: Instance, attributes: dict[str, Any], number: int) -> bytes:
    allocated, samples = bits(attributes)
    pixels = instance.rows * instance.columns * samples * allocated
    if pixels % 8 == 0:
        start, stop = _place(instance.pixel_offset, attributes, instance, number)
        return b"".join(gateway.store.read(instance_list.instance_key(instance.id), start, stop))
    first, last = (number - 1) * pixels, number * pixels  # one bit per pixel, frames without padding (PS3.5 8.1.1)
    start, stop = instance.pixel_offset + first // 8, instance.pixel_offset + (last + 7) // 8
    raw = b"".join(gateway.store.read(instance_list.instance_key(instance.id), start, stop))
    flat = np.unpackbits(np.frombuffer(raw, np.uint8), bitorder="little")
    return np.packbits(flat[first % 8 : first % 8 + pixels], bitorder="little").tobytes()


def _place(offset: int, attributes: dict[str, Any], instance: Instance, number: int) -> tuple[int, int]:
    allocated, samples = bits(attributes)
    size = instance.rows * instance.columns * samples * allocated // 8
    return offset + (number - 1) * size, offset + number * size


def _slice(path: Path, start: int, stop: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(stop - start)


def _encapsulated(gateway: Gateway, instance: Instance, frame_numbers: list[int]) -> Iterator[bytes]:
    with gateway.store.file(instance_list.instance_key(instance.id)) as path, path.open("rb") as file:
        for number in frame_numbers:
            file.seek(instance.pixel_offset)
            try:
                yield get_frame(file, number - 1, number_of_frames=instance.frames)
            except (ValueError, EOFError, IndexError) as error:
                raise CorruptScan("The instance's pixels are damaged.") from error
