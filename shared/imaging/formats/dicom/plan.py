"""Plans a DICOM series from the headers of its images."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pydicom
from pydicom import uid

from shared.errors import BadGeometry, CorruptScan, MissingSpacing
from shared.imaging.formats.dicom import frames
from shared.imaging.formats.dicom.header import VOLUME_TAGS, Header, check_pixels, read_header, refusing
from shared.imaging.formats.dicom.pixels import read_pixels
from shared.imaging.formats.dicom.selection import SKIPPED, select
from shared.imaging.formats.dicom.stack import has_own_frames, stack
from shared.imaging.formats.limits import Limits
from shared.imaging.formats.members import Member
from shared.imaging.formats.origin import Image, origin_of
from shared.imaging.formats.plan import Hints, Plan

_LOSSY = {uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.JPEGLSNearLossless, uid.JPEG2000, uid.HTJ2K}
_NO_GEOMETRY = "A DICOM header has a damaged geometry."
HOUNSFIELD = {"HU", "HU_MOD", "HOUNSFIELD UNITS"}
OWN_FRAMES = "own_frames_of_reference"
"""Warning: each slice has a frame of reference of its own; the slices were stacked by their positions."""
NOT_HOUNSFIELD = "not_hounsfield"
"""Warning: nothing says that the values of a CT are Hounsfield units."""


def plan(members: list[Member], hints: Hints, limits: Limits) -> Plan:
    """Return the plan of a series from the headers of its images.

    Raises a `BadScan` for headers that can't be used.
    """
    del hints  # a DICOM image has its own spacing and modality
    images, skipped = select([read_header(member) for member in members])
    for header in images:
        check_pixels(header, limits)
    order, grid, odd = stack([image for header in images for image in _slices(header)])
    by_member = {id(header.member): header for header in images}
    warnings: tuple[str, ...] = (SKIPPED,) if skipped or odd else ()
    if has_own_frames(order):
        warnings += (OWN_FRAMES,)
    if order[0].modality == "CT" and not all(image.is_hounsfield for image in order):
        warnings += (NOT_HOUNSFIELD,)
    itemsize = 2 if all(image.keeps_integers and image.bits <= 16 for image in order) else 4
    return Plan(
        geometry=grid,
        source="dicom",
        itemsize=itemsize,
        read=partial(read_pixels, order),
        origin=origin_of(by_member[id(order[0].member)].data, order),
        warnings=warnings,
    )


def _slices(header: Header) -> list[Image]:
    """Return the slices of one file: one, or one per frame of an enhanced image."""
    data = header.data
    with refusing(lambda _: CorruptScan(_NO_GEOMETRY)):
        views = frames.views(data) if frames.enhanced(data) else [frames.View(0, data, data, data, data)]
        return [_image(header, view) for view in views]


def _image(header: Header, view: frames.View) -> Image:
    if not view.measures.get("PixelSpacing"):
        raise MissingSpacing("The DICOM images do not say how large a pixel is (Pixel Spacing).")
    if not view.position.get("ImagePositionPatient") or not view.orientation.get("ImageOrientationPatient"):
        raise BadGeometry("The DICOM images do not say where they are (Image Position and Orientation, Patient).")
    across, down = _floats(view.orientation.ImageOrientationPatient).reshape(2, 3)
    spacing = _floats(view.measures.PixelSpacing)
    data, slope = header.data, view.transform.get("RescaleSlope")
    image = Image(
        member=header.member,
        sop_class=header.sop_class,
        sop_instance=header.sop_instance,
        frame=view.frame,
        modality=header.modality,
        shape=(int(data.Rows), int(data.Columns)),
        bits=int(data.get("BitsAllocated", 16)),
        position=_floats(view.position.ImagePositionPatient).reshape(3),
        axes=(across, down),
        pixel=(float(spacing[0]), float(spacing[1])),
        lossy=str(data.get("LossyImageCompression", "")) == "01" or header.syntax in _LOSSY,
        slope=float(slope or 1),
        intercept=float(view.transform.get("RescaleIntercept", 0) or 0),
        has_table=bool(data.get("ModalityLUTSequence")),
        is_hounsfield=_is_hounsfield(data, view.transform),
        volume=_volume(data, view),
    )
    numbers = [*image.position, *across, *down, *image.pixel, image.slope, image.intercept]
    if not np.isfinite(numbers).all():
        raise CorruptScan(_NO_GEOMETRY)
    return image


def _floats(values: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([float(value) for value in values], dtype=np.float64)


def _is_hounsfield(data: pydicom.Dataset, transform: pydicom.Dataset) -> bool:
    """Return whether the header says that rescaled values are Hounsfield units (PS3.3 C.11.1.1.2).

    A CT image with a rescale slope and without Rescale Type is in Hounsfield units; a table says its own type.
    """
    if table := data.get("ModalityLUTSequence"):
        return str(table[0].get("ModalityLUTType", "")).strip().upper() in HOUNSFIELD
    if transform.get("RescaleSlope") is None:
        return False
    return str(transform.get("RescaleType", "") or "HU").strip().upper() in HOUNSFIELD


def _volume(data: pydicom.Dataset, view: frames.View) -> dict[str, str]:
    """Return the attributes that tell the volumes of a series apart, as texts."""
    values = {keyword: view.volume.get(keyword, data.get(keyword)) for keyword in VOLUME_TAGS}
    return {keyword: _text(value) for keyword, value in values.items() if value not in (None, "")}


def _text(value: Any) -> str:
    if isinstance(value, (str, int, float)):
        return str(value)
    return "\\".join(str(part) for part in value)
