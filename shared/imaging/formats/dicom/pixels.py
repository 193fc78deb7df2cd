"""Decodes the pixels of a series: modality transformation, inverted grey levels and padding (PS3.3 C.7.5, C.11.1)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pydicom
from pydicom.pixels.processing import apply_modality_lut
from pydicom.pixels.utils import pixel_array

from shared.arrays import Bool
from shared.errors import BadScan, CorruptScan, UnsupportedScan
from shared.imaging.formats.dicom.header import TAGS, refusing
from shared.imaging.formats.members import Member
from shared.imaging.formats.origin import Image
from shared.imaging.formats.plan import Pixels
from shared.imaging.volume import Modality

AIR = -1000
"""Hounsfield units of air, which stand in the place of padding."""


@dataclass(frozen=True, slots=True, eq=False)
class _Slice:
    """Decoded values (row, column), their rescale slope and intercept, and which pixels are padding."""

    values: np.ndarray[Any, Any]
    slope: float
    intercept: float
    padding: Bool | None

    @property
    def fits_int16(self) -> bool:
        if self.values.dtype.kind == "f" or self.slope != 1.0 or self.intercept != int(self.intercept):
            return False
        low, high = int(self.values.min()) + self.intercept, int(self.values.max()) + self.intercept
        return low >= -32768 and high <= 32767

    def rescaled(self, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
        values: np.ndarray[Any, Any] = self.values.astype(dtype)
        return np.asarray(values * dtype.type(self.slope) + dtype.type(self.intercept))


def read_pixels(order: Sequence[Image]) -> Pixels:
    """Return the voxels of the slices, in order: int16 where all values fit, float32 otherwise.

    Padding becomes air in CT and the least other value in MR. Raises a `BadScan` for damaged pixels.
    """
    source = _Source()
    data: np.ndarray[Any, Any] | None = None
    padding: dict[int, np.ndarray[Any, Any]] = {}
    for k, image in enumerate(order):
        slice_ = source.decode(image)
        if data is None:
            data = np.empty((len(order), *image.shape), np.int16 if slice_.fits_int16 else np.float32)
        if data.dtype == np.int16 and not slice_.fits_int16:
            data = data.astype(np.float32)
        data[k] = slice_.rescaled(data.dtype)
        if slice_.padding is not None:
            padding[k] = np.packbits(slice_.padding)
    assert data is not None  # noqa: S101 - a plan has at least two slices
    modality: Modality = "CT" if order[0].modality == "CT" else "MR"
    _fill_padding(data, padding, modality)
    return Pixels(data, modality, ("lossy_source",) if any(image.lossy for image in order) else ())


def _fill_padding(data: np.ndarray[Any, Any], padding: dict[int, np.ndarray[Any, Any]], modality: Modality) -> None:
    if not padding:
        return
    size = data[0].size

    def mask(k: int) -> Bool:
        return np.unpackbits(padding[k], count=size).reshape(data[0].shape).astype(bool)

    value = float(AIR)
    if modality == "MR":
        least = [image[~mask(k)] if k in padding else image for k, image in enumerate(data)]
        value = min((float(pixels.min()) for pixels in least if pixels.size), default=0.0)
    for k in padding:
        data[k][mask(k)] = value


class _Source:
    """Decodes slices; the last file stays open for its other frames."""

    def __init__(self) -> None:
        self.member: Member | None = None
        self.dataset = pydicom.Dataset()

    def decode(self, image: Image) -> _Slice:
        """Return the decoded slice. Raises CorruptScan or UnsupportedScan."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with refusing(_pixel_error):
                self._open(image.member)
                raw = pixel_array(self.dataset, index=image.frame - 1 if image.frame else None)
                if raw.shape != image.shape:
                    raise CorruptScan("A DICOM image has other sizes than its header says.")
                return self._transformed(image, raw)

    def _transformed(self, image: Image, raw: np.ndarray[Any, Any]) -> _Slice:
        padding = _padding(self.dataset, raw)
        if padding is not None:
            # Padding may be far outside the range of the measured values, which decide the dtype of the volume.
            raw = np.where(padding, raw[~padding].min() if not padding.all() else raw.dtype.type(0), raw)
        if image.has_table:
            return _Slice(np.asarray(apply_modality_lut(raw, self.dataset)), 1.0, 0.0, padding)
        if str(self.dataset.get("PhotometricInterpretation", "")) == "MONOCHROME1":
            # Inverting swaps the least and the largest stored value, whose sum depends on the sign (PS3.3 C.7.6.3.1.2).
            ends = -1.0 if self.dataset.PixelRepresentation else float(2 ** int(self.dataset.BitsStored) - 1)
            return _Slice(raw, -image.slope, image.intercept + image.slope * ends, padding)
        return _Slice(raw, image.slope, image.intercept, padding)

    def _open(self, member: Member) -> None:
        if self.member is not member:
            with member.open() as file:
                data = pydicom.dcmread(file, specific_tags=[*TAGS, "PixelData"], force=True)
            if "TransferSyntaxUID" not in data.file_meta:
                implicit, _ = data.original_encoding
                data.file_meta.TransferSyntaxUID = (
                    pydicom.uid.ImplicitVRLittleEndian if implicit else pydicom.uid.ExplicitVRLittleEndian
                )
            self.dataset, self.member = data, member


def _padding(data: pydicom.Dataset, raw: np.ndarray[Any, Any]) -> Bool | None:
    """Return which pixels are padding (PS3.3 C.7.5.1.1.2), or None where there is none."""
    value = data.get("PixelPaddingValue")
    if value in (None, ""):
        return None
    limit = data.get("PixelPaddingRangeLimit")
    ends = [_stored(int(end), raw.dtype) for end in (value, value if limit in (None, "") else limit)]
    mask = np.asarray((raw >= min(ends)) & (raw <= max(ends)))
    return mask if mask.any() else None


def _stored(value: int, dtype: np.dtype[Any]) -> int:
    """Return a padding value in the sign of the pixels: its VR may be the other one of US and SS."""
    bits = 8 * dtype.itemsize
    unsigned = value % (1 << bits)
    return unsigned - (1 << bits) if dtype.kind == "i" and unsigned >= 1 << (bits - 1) else unsigned


def _pixel_error(error: Exception) -> BadScan:
    if "missing dependencies" in str(error) or "no pixel data decoder" in str(error).lower():
        return UnsupportedScan("The images are compressed in a way that is not read.")
    return CorruptScan("The pixels of a DICOM image are truncated or damaged.")
