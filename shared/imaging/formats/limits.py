"""What a scan may claim before anything is allocated for it."""

from __future__ import annotations

from dataclasses import dataclass

from shared.errors import ScanTooLarge


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds of one scan: files in it, bytes after inflation, voxels, pixels of one slice's side."""

    files: int = 20_000
    inflated_bytes: int = 8 * 2**30
    voxels: int = 2**30
    side: int = 8192

    def check_voxels(self, shape: tuple[int, ...]) -> None:
        """Refuses a declared (slices, rows, columns) that is too large, before it is believed."""
        total = 1
        for size in shape:
            if size > self.side:
                raise ScanTooLarge(f"The scan claims {size} voxels along one side; at most {self.side} are read.")
            total *= max(int(size), 1)
        if total > self.voxels:
            raise ScanTooLarge(f"The scan claims {total} voxels; at most {self.voxels} are read.")
