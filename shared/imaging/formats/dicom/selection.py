"""Chooses the images of one series among the objects of an upload; the others are left out with a warning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from shared.errors import MixedSeries, NotAScan
from shared.imaging.formats.dicom.header import CT_CLASSES, MR_CLASSES, Header

SKIPPED = "objects_skipped"
"""Warning: objects beside the images (segmentations, doses, captures, localisers) were left out."""
MANY = 3
"""Slices from which on a single image of another series or shape counts as a localiser."""


def select(headers: Sequence[Header]) -> tuple[list[Header], bool]:
    """Return the images of the one series, and whether other objects with pixels were left out.

    Raises NotAScan where no object is an image, and MixedSeries where there are several series.
    """
    images = [header for header in headers if header.is_image]
    if not images:
        kinds = ", ".join(sorted({header.kind for header in headers})[:5])
        raise NotAScan(f"There is no image in it, only: {kinds}.")
    series = _without_scouts(_without_localisers(_scans(images)))
    _check_one_series(series)
    return series, len(series) < len(images)


def _scans(images: list[Header]) -> list[Header]:
    """Return the images that can be slices of a scan; all of them where none can, to name what they are."""
    by_class = [image for image in images if image.sop_class in CT_CLASSES | MR_CLASSES]
    by_modality = [image for image in images if image.modality in ("MR", "CT")]
    return by_class or by_modality or images


def _without_localisers(images: list[Header]) -> list[Header]:
    others = [image for image in images if "LOCALIZER" not in image.image_type]
    return others if sum(image.frames for image in others) >= MANY else images


def _without_scouts(images: list[Header]) -> list[Header]:
    """Leave out series of one image beside one series of many."""
    slices: Counter[str] = Counter()
    for image in images:
        slices[_series_of(image)] += image.frames
    many = [series for series, count in slices.items() if count > 1]
    if len(many) == 1 and slices[many[0]] >= MANY:
        return [image for image in images if _series_of(image) == many[0]]
    return images


def _series_of(image: Header) -> str:
    return str(image.data.get("SeriesInstanceUID", ""))


def _check_one_series(images: list[Header]) -> None:
    counts = Counter((_series_of(image), image.modality[:16] or "?") for image in images)
    if len(counts) > 1:
        parts = ", ".join(f"{modality} with {count}" for (_, modality), count in counts.most_common(8))
        raise MixedSeries(f"There are {len(counts)} series in it ({parts} images); send one series at a time.")
