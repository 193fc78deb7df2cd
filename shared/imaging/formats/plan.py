"""What headers promise about a scan, and how to get its voxels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from shared.imaging.geometry import Geometry
from shared.imaging.volume import Modality, SourceFormat, Volume


@dataclass(frozen=True, slots=True)
class Pixels:
    """Decoded voxels: `data` (slice, row, column), the modality, and warnings seen while decoding."""

    data: NDArray[Any]
    modality: Modality
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Slice:
    """Where one slice comes from: SOP class and instance, frame number (from 1; 0 alone in its instance), LPS mm."""

    sop_class: str
    sop_instance: str
    frame: int
    position: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Origin:
    """The DICOM series a volume came from, slice by slice in the volume's order.

    `orientation` is Image Orientation (Patient), `pixel` (distance of rows, of columns) in mm. Holds nothing personal.
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
    """A scan that passed every check of its headers: its grid, bytes per voxel, how to decode it, and its series."""

    geometry: Geometry
    source: SourceFormat
    itemsize: int
    read: Callable[[], Pixels]
    origin: Origin | None = None

    @property
    def voxel_bytes(self) -> int:
        """Bytes of the voxels as declared."""
        slices, rows, columns = self.geometry.shape
        return slices * rows * columns * self.itemsize

    def decode(self) -> Volume:
        """The voxels on the grid; raises a `BadScan` where the data is not what the headers said."""
        pixels = self.read()
        return Volume(pixels.data, self.geometry, pixels.modality, self.source, pixels.warnings)
