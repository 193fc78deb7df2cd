"""A scan as one file: a folder is zipped."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def packed(scan: Path) -> Iterator[Path]:
    """Yield the scan as one file; a folder is zipped into a file that is deleted afterwards."""
    with tempfile.TemporaryDirectory(prefix="viscera-") as folder:
        yield pack(scan, Path(folder))


def pack(scan: Path, folder: Path) -> Path:
    """Return the scan as one file: itself, or a zip of it in `folder`; of a folder with `scans/` only those."""
    if not scan.is_dir():
        return scan
    base = scan / "scans" if (scan / "scans").is_dir() else scan
    target = folder / "scan.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for file in sorted(base.rglob("*")):
            relative = file.relative_to(base)
            if file.is_file() and not any(part.startswith(".") for part in relative.parts):
                archive.write(file, relative.as_posix())
    return target
