"""What the headers say about a scan, and how to decode its voxels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from shared.imaging.geometry import Geometry
from shared.imaging.volume import Modality, SourceFormat, Volume


@dataclass(frozen=True, slots=True)
class Hints:
    """What the sender says about a scan: spacing (slice, row, column) in mm of a PNG stack, modality of other files."""

    spacing: tuple[float, float, float] | None = None
    modality: Modality | None = None


@dataclass(frozen=True, slots=True)
class Pixels:
    """Decoded voxels: `data` (slice, row, column), the modality, and warnings from decoding."""

    data: NDArray[Any]
    modality: Modality
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Slice:
    """Source of one slice: SOP class and instance UID, frame number (from 1; 0 for a single-frame image), position in
    LPS mm.
    """

    sop_class: str
    sop_instance: str
    frame: int
    position: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Origin:
    """The DICOM series of a volume, slice by slice in the volume's order.

    `orientation` is Image Orientation (Patient), `pixel` the (row, column) distance in mm. It has no personal data.
    """

    study: str
    series: str
    frame_of_reference: str
    modality: str
    shape: tuple[int, int]
    orientation: tuple[float, ...]
    pixel: tuple[float, float]
    slices: tuple[Slice, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A scan whose headers passed every check: its grid, bytes per voxel, decoder, series and warnings.

    `itemsize` is the larger of the stored and the decoded voxel, in bytes: the memory limit depends on it. `further`
    decode the other images of a scan of several channels, which are on the same grid.
    """

    geometry: Geometry
    source: SourceFormat
    itemsize: int
    read: Callable[[], Pixels]
    origin: Origin | None = None
    warnings: tuple[str, ...] = ()
    further: tuple[Callable[[], Pixels], ...] = ()

    @property
    def channels(self) -> int:
        """Return the number of images."""
        return 1 + len(self.further)

    @property
    def voxel_bytes(self) -> int:
        """Return the bytes of the voxels as declared."""
        slices, rows, columns = self.geometry.shape
        return slices * rows * columns * self.itemsize * self.channels

    def decode(self) -> Volume:
        """Return the voxels on the grid.

        Raises a `BadScan` where the data differs from the headers.
        """
        pixels = self.read()
        further = [read() for read in self.further]
        found = (code for image in (pixels, *further) for code in image.warnings)
        codes = tuple(dict.fromkeys((*self.warnings, *found)))
        images = tuple(image.data for image in further)
        return Volume(pixels.data, self.geometry, pixels.modality, self.source, codes, images)
