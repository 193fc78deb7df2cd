"""Limits on what a scan may declare, checked before memory is allocated."""

from __future__ import annotations

from dataclasses import dataclass

from shared.errors import ScanTooLarge


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper limits of one scan: number of files, bytes after inflation, voxels, pixels along one side of a slice."""

    files: int = 20_000
    inflated_bytes: int = 8 * 2**30
    voxels: int = 2**30
    side: int = 8192

    def check_voxels(self, shape: tuple[int, ...]) -> None:
        """Check a declared shape (slices, rows, columns).

        Raises ScanTooLarge.
        """
        total = 1
        for size in shape:
            if size > self.side:
                raise ScanTooLarge(f"The scan declares {size} voxels along one side; at most {self.side} are read.")
            total *= max(int(size), 1)
        if total > self.voxels:
            raise ScanTooLarge(f"The scan declares {total} voxels; at most {self.voxels} are read.")
