"""A DICOM series of MR or CT images, single-frame or enhanced, ordered by its positions (DICOM PS3.3 C.7.6.2).

Only the attributes in `TAGS` are read from a header; names and other personal attributes are never read.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.pixels.utils import pixel_array
from pydicom.uid import UID

from shared.errors import (
    BadGeometry,
    BadScan,
    CorruptScan,
    MissingSpacing,
    MixedSeries,
    NotAScan,
    TooFewSlices,
    UnsupportedScan,
)
from shared.imaging.formats import frames
from shared.imaging.formats.limits import Limits
from shared.imaging.formats.members import Member
from shared.imaging.formats.origin import Image, origin_of
from shared.imaging.formats.plan import Pixels, Plan
from shared.imaging.geometry import Floats, Geometry
from shared.imaging.volume import Modality

TAGS = [
    "SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "Modality", "Rows", "Columns",
    "NumberOfFrames", "SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit",
    "PixelRepresentation", "PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient", "RescaleSlope",
    "RescaleIntercept", "LossyImageCompression", "SeriesNumber", "StudyInstanceUID", *frames.TAGS,
]  # fmt: skip
MAX_TILT = 0.0087  # tangent of half a degree between the stack and the normal of its slices
_LOSSY = {f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 81, 91, 203)}
_NO_GEOMETRY = "A DICOM header holds a damaged geometry."
_UNCOMPRESSED = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2")


def plan(members: list[Member], spacing: tuple[float, float, float] | None, limits: Limits) -> Plan:
    """Return the plan of a series from the headers of its images.

    Raises a `BadScan` for headers that can't be used.
    """
    del spacing  # a DICOM image has its own spacing
    headers = [(member, *_header(member)) for member in members]
    images = [entry for entry in headers if "Rows" in entry[1] and "Columns" in entry[1]]
    if not images:
        kinds = ", ".join(sorted({_kind(header) for _, header, _ in headers})[:5])
        raise NotAScan(f"There is no image in it, only: {kinds}.")
    _one_series([header for _, header, _ in images])
    for _, header, _ in images:
        _check_kind(header, limits)
    if any(_cut_off(header, rest) for _, header, rest in images):
        raise CorruptScan("A DICOM file is truncated: it is smaller than its pixels.")
    parsed = [image for member, header, _ in images for image in _images(member, header)]
    if len(parsed) < 2:
        raise TooFewSlices("One slice makes no volume; at least two are needed.")
    order, grid = _stack(parsed)
    itemsize = 4 if any(image.bits > 16 for image in order) else 2
    return Plan(grid, "dicom", itemsize, partial(_read, order), origin_of(images[0][1], order))


def _header(member: Member) -> tuple[pydicom.Dataset, int]:
    """Return the listed attributes and the number of bytes after them, which are the pixels."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with _refusing(lambda _: CorruptScan("A DICOM file is truncated or damaged.")), member.open() as file:
            header = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=list(TAGS))
            for part in (header, header.file_meta):
                list(part)  # pydicom converts a value on first access, and only then raises for a damaged one
            return header, member.size - file.tell()


@contextmanager
def _refusing(refusal: Callable[[Exception], BadScan]) -> Iterator[None]:
    """Turn every foreign error into a refusal: pydicom raises many kinds of error for a damaged file."""
    try:
        yield
    except (BadScan, MemoryError):
        raise
    except Exception as error:
        raise refusal(error) from error


def _cut_off(header: pydicom.Dataset, rest: int) -> bool:
    if str(header.file_meta.get("TransferSyntaxUID", "")) not in _UNCOMPRESSED:
        return False
    frame = int(header.Rows) * int(header.Columns) * int(header.get("BitsAllocated", 16)) // 8
    return rest < frame * int(header.get("NumberOfFrames", 1) or 1)


def _kind(header: pydicom.Dataset) -> str:
    uid = str(header.get("SOPClassUID", "") or getattr(header, "file_meta", {}).get("MediaStorageSOPClassUID", ""))
    name = UID(uid).name if uid else "an object of unknown class"
    return name if name != uid else "an object of a private class"


def _one_series(headers: list[pydicom.Dataset]) -> None:
    counts = Counter((str(h.get("SeriesInstanceUID", "")), str(h.get("Modality", "?"))[:16]) for h in headers)
    if len(counts) > 1:
        there = ", ".join(f"{modality} with {n}" for (_, modality), n in counts.most_common(8))
        raise MixedSeries(f"There are {len(counts)} series in it ({there} images); send one series at a time.")


def _check_kind(header: pydicom.Dataset, limits: Limits) -> None:
    try:
        count, samples = int(header.get("NumberOfFrames", 1) or 1), int(header.get("SamplesPerPixel", 1) or 1)
        limits.check_voxels((count, int(header.Rows), int(header.Columns)))
        bits = int(header.get("BitsAllocated", 16))
    except (TypeError, ValueError) as error:
        raise CorruptScan("A DICOM header has sizes that are not numbers.") from error
    if str(header.get("Modality", "")) not in ("MR", "CT"):
        raise UnsupportedScan(f"The images are {_kind(header)}, not MR or CT.")
    if samples != 1 or not str(header.get("PhotometricInterpretation", "MONOCHROME2")).startswith("MONOCHROME"):
        raise UnsupportedScan("The images are in colour; a scan has grey slices.")
    if count > 1 and not frames.enhanced(header):
        raise UnsupportedScan("Multi-frame DICOM images are read only as Enhanced MR or CT.")
    if bits not in (8, 16, 32):
        raise UnsupportedScan(f"The images have {bits} bits per pixel, not 8, 16 or 32.")


def _images(member: Member, header: pydicom.Dataset) -> list[Image]:
    """Return the slices of one file: one, or one per frame of an enhanced image."""
    with _refusing(lambda _: CorruptScan(_NO_GEOMETRY)):
        if frames.enhanced(header):
            return [_image(member, header, view) for view in frames.views(header)]
        return [_image(member, header, frames.View(0, header, header, header, header))]


def _image(member: Member, header: pydicom.Dataset, view: frames.View) -> Image:
    if not view.measures.get("PixelSpacing"):
        raise MissingSpacing("The DICOM images do not say how large a pixel is (Pixel Spacing).")
    if not view.position.get("ImagePositionPatient") or not view.orientation.get("ImageOrientationPatient"):
        raise BadGeometry("The DICOM images do not say where they lie (Image Position and Orientation, Patient).")
    across, down = np.array(view.orientation.ImageOrientationPatient, float).reshape(2, 3)
    spacing = view.measures.PixelSpacing
    syntax = str(header.file_meta.get("TransferSyntaxUID", ""))
    image = Image(
        member=member,
        sop_class=str(header.get("SOPClassUID") or header.file_meta.get("MediaStorageSOPClassUID", "")),
        sop_instance=str(header.get("SOPInstanceUID") or header.file_meta.get("MediaStorageSOPInstanceUID", "")),
        frame=view.frame,
        modality=str(header.Modality),
        shape=(int(header.Rows), int(header.Columns)),
        bits=int(header.get("BitsAllocated", 16)),
        position=np.array(view.position.ImagePositionPatient, float).reshape(3),
        axes=(across, down),
        pixel=(float(spacing[0]), float(spacing[1])),
        lossy=str(header.get("LossyImageCompression", "")) == "01" or syntax in _LOSSY,
        slope=float(view.transform.get("RescaleSlope", 1) or 1),
        intercept=float(view.transform.get("RescaleIntercept", 0) or 0),
    )
    numbers = [*image.position, *across, *down, *image.pixel, image.slope, image.intercept]
    if not np.isfinite(numbers).all():
        raise CorruptScan(_NO_GEOMETRY)
    return image


def _stack(images: list[Image]) -> tuple[list[Image], Geometry]:
    first = images[0]
    across, down = first.axes
    normal = np.cross(across, down)
    if min(first.pixel) <= 0:
        raise MissingSpacing("The DICOM images give a pixel the size of zero.")
    if abs(np.linalg.norm(normal) - 1.0) > 0.01 or not np.isfinite(normal).all():
        raise BadGeometry("The rows and columns of the DICOM images are not at right angles.")
    for image in images:
        if image.shape != first.shape or not np.allclose(image.pixel, first.pixel, rtol=1e-3):
            raise BadGeometry("The images of the series differ in their numbers or sizes of pixels.")
        if not np.allclose(image.axes, first.axes, atol=1e-3):
            raise BadGeometry("The images of the series are turned against each other.")
    order = sorted(images, key=lambda image: float(image.position @ normal))
    step = _step(np.array([image.position for image in order]), normal)
    affine = np.eye(4)
    affine[:3, :3] = np.stack([across * first.pixel[1], down * first.pixel[0], step], axis=1)
    affine[:3, 3] = order[0].position
    return order, Geometry((len(order), *first.shape), affine)


def _step(positions: Floats, normal: Floats) -> Floats:
    """Return the step from slice to slice in mm, if it is even and along the normal."""
    gaps = np.diff(positions @ normal)
    if gaps.min() < 0.01:
        raise BadGeometry("Several images of the series lie at the same position.")
    mean = float(gaps.mean())
    if np.abs(gaps - mean).max() > max(0.02 * mean, 0.05):
        raise BadGeometry(
            f"The slices are not evenly spaced: {gaps.min():.2f} to {gaps.max():.2f} mm apart; one may be missing."
        )
    step = (positions[-1] - positions[0]) / (len(positions) - 1)
    aside = positions - positions[0] - np.outer(np.arange(len(positions)), mean * normal)
    if np.linalg.norm(step - (step @ normal) * normal) > MAX_TILT * mean or np.linalg.norm(aside, axis=1).max() > max(
        mean, 1.0
    ):
        raise BadGeometry("The stack is tilted against its slices (gantry tilt); resample it to right angles first.")
    return np.asarray(mean * normal, dtype=np.float64)


def _read(order: list[Image]) -> Pixels:
    source = _Source()
    first = source.pixels(order[0])
    shape = (len(order), *order[0].shape)
    data: NDArray[Any] = np.empty(shape, np.int16 if _fits_int16(*first) else np.float32)
    for k, image in enumerate(order):
        raw, slope, intercept = source.pixels(image)
        if data.dtype == np.int16 and not _fits_int16(raw, slope, intercept):
            data = data.astype(np.float32)
        data[k] = raw.astype(data.dtype) * data.dtype.type(slope) + data.dtype.type(intercept)
    modality: Modality = "CT" if order[0].modality == "CT" else "MR"
    return Pixels(data, modality, ("lossy_source",) if any(image.lossy for image in order) else ())


def _fits_int16(raw: NDArray[Any], slope: float, intercept: float) -> bool:
    if slope != 1.0 or intercept != int(intercept):
        return False
    return int(raw.min()) + intercept >= -32768 and int(raw.max()) + intercept <= 32767


class _Source:
    """Decodes slices; the last file stays open for its other frames."""

    def __init__(self) -> None:
        self.member: Member | None = None
        self.dataset = pydicom.Dataset()

    def pixels(self, image: Image) -> tuple[NDArray[Any], float, float]:
        """Return the stored values (row, column), the rescale slope and the intercept of a slice."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with _refusing(_pixel_error):
                self._open(image.member)
                raw = pixel_array(self.dataset, index=image.frame - 1 if image.frame else None)
                inverted = str(self.dataset.get("PhotometricInterpretation", "")) == "MONOCHROME1"
                brightest = float(2 ** int(self.dataset.BitsStored) - 1)
        if raw.shape != image.shape:
            raise CorruptScan("A DICOM image has other sizes than its header says.")
        if inverted:
            return raw, -image.slope, image.intercept + image.slope * brightest
        return raw, image.slope, image.intercept

    def _open(self, member: Member) -> None:
        if self.member is not member:
            with member.open() as file:
                self.dataset = pydicom.dcmread(file, specific_tags=[*TAGS, "PixelData"])
            self.member = member


def _pixel_error(error: Exception) -> BadScan:
    if "missing dependencies" in str(error) or "no pixel data decoder" in str(error).lower():
        return UnsupportedScan("The images are compressed in a way that is not read.")
    return CorruptScan("The pixels of a DICOM image are truncated or damaged.")
