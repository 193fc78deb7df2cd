"""Limits on what a scan may declare, checked before memory is allocated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.errors import ScanTooLarge, TooFewSlices


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper limits of one scan: number of files, bytes after inflation, voxels, pixels along one side of a slice."""

    files: int = 20_000
    inflated_bytes: int = 8 * 2**30
    voxels: int = 2**30
    side: int = 8192

    def check_voxels(self, shape: tuple[int, ...], channels: int = 1) -> None:
        """Check a declared shape (slices, rows, columns) of each of some images.

        Raises ScanTooLarge.
        """
        total = channels
        for size in shape:
            if size > self.side:
                raise ScanTooLarge(f"The scan declares {size} voxels along one side; at most {self.side} are read.")
            total *= max(int(size), 1)
        if total > self.voxels:
            raise ScanTooLarge(f"The scan declares {total} voxels; at most {self.voxels} are read.")

    def check_volume(self, shape: Sequence[int]) -> None:
        """Check the declared shape of a file with one volume, its three axes first, in any order.

        Raises ScanTooLarge, or TooFewSlices where an axis has one voxel.
        """
        self.check_voxels(tuple(shape))
        if min(shape[:3]) < 2:
            raise TooFewSlices("One slice makes no volume; at least two are needed along every axis.")
