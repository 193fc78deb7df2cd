"""Functions on uploaded DICOM files; they run only in the sandbox (`shared.sandbox.call`)."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut
from pydicom.pixels.utils import pixel_array
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from shared.dicom.identity import identity_of
from shared.errors import CorruptScan, NotAScan, ScanTooLarge, UnsupportedScan

Limit = Callable[[int], None]
HEADER = 64 * 2**20
"""Bytes that the attributes of an instance may take beside its pixels."""
BULK = 1024
_BUDGET = 384 * 2**20


def describe(limit: Limit, files: list[list[str]]) -> dict[str, Any]:
    """Describe instances: for each (DICOM file, metadata path) its UIDs, transfer syntax and pixel position, or an
    error.

    The metadata is written as DICOM JSON without private attributes and without values over 1 KiB.
    """
    limit(_BUDGET)
    return {"instances": [_describe(Path(path), Path(out)) for path, out in files]}


def _describe(path: Path, out: Path) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _described(path, out)
    except InvalidDicomError:
        return {"error": "not_dicom"}
    except MemoryError:
        return {"error": "too_large"}
    except Exception:  # an error that no reader expected means a damaged file
        return {"error": "damaged"}


def _described(path: Path, out: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        dataset = pydicom.dcmread(file, stop_before_pixels=True, defer_size=BULK)
        position = file.tell()
        syntax = str(dataset.file_meta.get("TransferSyntaxUID", ""))
        pixels = _pixels(file, position, syntax) if "Rows" in dataset else (0, 0)
    if position > HEADER and "Rows" in dataset:
        return {"error": "too_large"}
    meta = dataset.file_meta
    classes = str(dataset.get("SOPClassUID") or meta.get("MediaStorageSOPClassUID", ""))
    instance = str(dataset.get("SOPInstanceUID") or meta.get("MediaStorageSOPInstanceUID", ""))
    study, series = str(dataset.get("StudyInstanceUID", "")), str(dataset.get("SeriesInstanceUID", ""))
    out.write_text(json.dumps(_plain(dataset)))
    return {
        "sop_class": classes, "instance": instance, "study": study, "series": series, "syntax": syntax,
        "offset": pixels[0], "length": pixels[1],
    }  # fmt: skip


def _pixels(file: Any, position: int, syntax: str) -> tuple[int, int]:
    """Return the offset and length of the pixel bytes: length -1 for encapsulated pixels, (0, 0) for pixels that are
    not plain.
    """
    file.seek(position)
    head = file.read(12)
    big = syntax == "1.2.840.10008.1.2.2"
    order = "big" if big else "little"
    group, element = int.from_bytes(head[:2], order), int.from_bytes(head[2:4], order)  # type: ignore[arg-type]
    if (group, element) != (0x7FE0, 0x0010) or syntax == DeflatedExplicitVRLittleEndian:
        return 0, 0
    implicit = syntax == ImplicitVRLittleEndian
    length = int.from_bytes(head[4:8] if implicit else head[8:12], order)  # type: ignore[arg-type]
    return position + (8 if implicit else 12), -1 if length == 0xFFFFFFFF else length


def _plain(dataset: pydicom.Dataset) -> dict[str, Any]:
    """Return the data set as DICOM JSON without private attributes, pixels and long values."""
    result: dict[str, Any] = {}
    for tag in sorted(dataset.keys()):
        raw = dataset.get_item(tag)
        if tag.is_private or tag.group in (0x0002, 0x7FE0) or tag.element == 0 or (tag.group & 0xFF00) == 0x6000:
            continue
        if raw.VR != "SQ" and raw.value is None and getattr(raw, "length", 0) > BULK:
            continue  # a long value, which pydicom reads only on access
        try:
            element = dataset[tag]
            if element.VR in ("OB", "OW", "OF", "OD", "OL", "OV", "UN") and len(element.value or b"") > BULK:
                continue
            if element.VR == "SQ":
                result[f"{tag:08X}"] = {"vr": "SQ", "Value": [_plain(item) for item in element.value]}
            else:
                result[f"{tag:08X}"] = element.to_json_dict(None, BULK)
        except (ValueError, TypeError, AttributeError, KeyError, NotImplementedError, OverflowError):
            continue  # not a valid value: searches ignore the attribute
    return result


def identity(limit: Limit, path: str) -> dict[str, Any]:
    """Return the patient and study attributes of a scan's first image as DICOM JSON."""
    from shared.imaging.formats.limits import Limits
    from shared.imaging.formats.members import members_of

    limit(_BUDGET)
    for member in members_of(Path(path), Limits()):
        if member.head(132)[128:] != b"DICM":
            continue
        with member.open() as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(file, stop_before_pixels=True)
        if "Rows" in dataset:
            return {"identity": identity_of(_plain(dataset))}
    raise NotAScan("There is no DICOM image in it.")


def deidentify(limit: Limit, *, path: str, out: str, secret: str) -> dict[str, Any]:
    """Write a de-identified copy of an instance; `secret` (hexadecimal) keys the UIDs of one export."""
    from shared.dicom.deidentify import deidentify_file

    limit(_BUDGET + 4 * Path(path).stat().st_size)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            deidentify_file(Path(path), Path(out), bytes.fromhex(secret))
    except (InvalidDicomError, EOFError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise CorruptScan("The DICOM file is damaged.") from error
    return {"bytes": Path(out).stat().st_size}


def transcode(limit: Limit, *, path: str, out: str) -> dict[str, Any]:
    """Write a copy of an instance in Explicit VR Little Endian."""
    dataset = _open(limit, Path(path), pixels=True)
    if dataset.file_meta.TransferSyntaxUID.is_compressed and "PixelData" in dataset:
        _decoded(dataset.decompress)
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.save_as(out, implicit_vr=False, little_endian=True, enforce_file_format=True)
    return {"bytes": Path(out).stat().st_size}


def render(
    limit: Limit, *, path: str, out: str, frame: int, media: str, window: list[float] | None, side: int | None
) -> dict[str, Any]:
    """Draw a frame (from 1) as JPEG or PNG with its modality and VOI transformation (PS3.18 8.3.5.1.4), scaled to
    `side`.
    """
    import cv2

    dataset = _open(limit, Path(path), pixels=True)
    grey = _grey(dataset, frame, window)
    if side is not None and max(grey.shape[:2]) > side:
        scale = side / max(grey.shape[:2])
        size = max(round(grey.shape[1] * scale), 1), max(round(grey.shape[0] * scale), 1)
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    done, encoded = cv2.imencode({"image/png": ".png"}.get(media, ".jpg"), grey)
    if not done:
        raise UnsupportedScan("The image can't be drawn.")
    Path(out).write_bytes(encoded.tobytes())
    return {"bytes": len(encoded)}


def _grey(dataset: pydicom.Dataset, frame: int, window: list[float] | None) -> Any:
    """Return a frame as 8-bit grey levels (row, column) or as BGR (row, column, 3)."""
    frames = int(dataset.get("NumberOfFrames", 1) or 1)
    if not 1 <= frame <= frames:
        raise UnsupportedScan("There is no such frame.", "no_such_frame")
    raw = _decoded(lambda: pixel_array(dataset, index=frame - 1))
    if raw.ndim == 3:
        return np.ascontiguousarray(raw[..., ::-1].astype(np.uint8))
    if int(dataset.get("BitsAllocated", 8)) == 1:
        return np.ascontiguousarray(raw * 255).astype(np.uint8)
    values = np.asarray(apply_modality_lut(raw, dataset), float)
    if window is not None:
        centre, width = window
        low, high = centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2
    elif "WindowCenter" in dataset or "VOILUTSequence" in dataset:
        values = np.asarray(apply_voi_lut(values, dataset), float)
        low, high = float(values.min()), float(values.max())
    else:
        low, high = (float(v) for v in np.percentile(values, (0.5, 99.5)))
    grey = np.clip((values - low) / max(high - low, 1e-6), 0.0, 1.0) * 255.0
    if str(dataset.get("PhotometricInterpretation", "")) == "MONOCHROME1":
        grey = 255.0 - grey
    return np.round(grey).astype(np.uint8)


def _open(limit: Limit, path: Path, *, pixels: bool) -> pydicom.Dataset:
    limit(_BUDGET)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            head = pydicom.dcmread(path, stop_before_pixels=True)
            frames = int(head.get("NumberOfFrames", 1) or 1)
            samples = int(head.get("SamplesPerPixel", 1) or 1) * int(head.get("BitsAllocated", 8)) // 8 or 1
            declared = frames * int(head.get("Rows", 0)) * int(head.get("Columns", 0)) * samples
            if declared > 2**31:
                raise ScanTooLarge("The image is too large to be decoded.")
            limit(_BUDGET + 4 * declared + 2 * path.stat().st_size)
            return pydicom.dcmread(path) if pixels else head
    except (InvalidDicomError, EOFError, ValueError, TypeError, AttributeError) as error:
        raise CorruptScan("The DICOM file is damaged.") from error


def _decoded(decode: Callable[[], Any]) -> Any:
    try:
        return decode()
    except (RuntimeError, NotImplementedError, AttributeError) as error:
        raise UnsupportedScan("The image can't be decoded.") from error
