"""The files of a scan, from a folder, a zip or a single file, read within limits."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from shared.errors import CorruptScan, NotAScan, ScanTooLarge, UnsupportedScan
from shared.imaging.formats.limits import Limits

_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a scan: its relative path, its declared size in bytes, and a function that opens it."""

    path: PurePosixPath
    size: int
    opener: Callable[[], BinaryIO]

    @property
    def name(self) -> str:
        """Return the file's name without folders."""
        return self.path.name

    def open(self) -> BinaryIO:
        """Return the file, seekable, at its start."""
        return self.opener()

    def read(self) -> bytes:
        """Return all declared bytes.

        Raises CorruptScan if they can't be read.
        """
        with _damage_explained(), self.opener() as file:
            return file.read(self.size)

    def head(self, count: int) -> bytes:
        """Return the first bytes."""
        with _damage_explained(), self.opener() as file:
            return file.read(count)

    def inflated_head(self, count: int) -> bytes:
        """Return the first bytes after gzip decompression; empty if they are damaged."""
        try:
            return zlib.decompressobj(31).decompress(self.head(4096), count)
        except zlib.error:
            return b""


def members_of(path: Path, limits: Limits) -> list[Member]:
    """Return the files of a folder, a zip or a single file, sorted by path.

    Where there is a `scans/` folder, only its files are returned.
    """
    if path.is_dir():
        members = list(_folder(path, limits))
    elif zipfile.is_zipfile(path) and not _is_image(path):
        members = _zip(path, limits)
    else:
        return [Member(PurePosixPath(path.name), path.stat().st_size, lambda: path.open("rb"))]
    members = [member for member in members if not _hidden(member.path)]
    if not members:
        raise NotAScan("There is no file in it.")
    scans = [member for member in members if "scans" in member.path.parts[:-1]]
    return sorted(scans or members, key=lambda member: member.path.parts)


def _is_image(path: Path) -> bool:
    # A zip that is appended to an image is a polyglot: the image at the front decides.
    with path.open("rb") as file:
        head = file.read(132)
    return head.startswith(b"\x89PNG") or head[128:] == b"DICM"


def _hidden(path: PurePosixPath) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in path.parts)


def _folder(root: Path, limits: Limits) -> Iterator[Member]:
    base = root / "scans" if (root / "scans").is_dir() else root
    count = total = 0
    for file in base.rglob("*"):
        if not file.is_file():
            continue
        size = file.stat().st_size
        count, total = count + 1, total + size
        _check(count, total, limits)
        yield Member(PurePosixPath(file.relative_to(base).as_posix()), size, _path_opener(file))


def _path_opener(file: Path) -> Callable[[], BinaryIO]:
    return lambda: file.open("rb")


def _zip(path: Path, limits: Limits) -> list[Member]:
    try:
        archive = zipfile.ZipFile(path)
    except _DAMAGED as error:
        raise CorruptScan("The zip file is damaged.") from error
    members: list[Member] = []
    total = 0
    for info in archive.infolist():
        if info.is_dir():
            continue
        total += info.file_size
        _check(len(members) + 1, total, limits)
        if info.flag_bits & 1:
            raise UnsupportedScan("The zip file is encrypted.")
        members.append(
            Member(PurePosixPath(info.filename.replace("\\", "/")), info.file_size, _zip_opener(archive, info))
        )
    return members


def _zip_opener(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], BinaryIO]:
    def opener() -> BinaryIO:
        return cast(BinaryIO, archive.open(info))

    return opener


def _check(count: int, total: int, limits: Limits) -> None:
    if count > limits.files:
        raise ScanTooLarge(f"There are more than {limits.files} files in it.")
    if total > limits.inflated_bytes:
        raise ScanTooLarge(f"It unpacks to more than {limits.inflated_bytes} bytes.")


class _damage_explained:  # noqa: N801 - reads as a verb in `with`
    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, MemoryError):
            return
        if isinstance(error, _DAMAGED):
            raise CorruptScan("A file in the upload is damaged and can't be read.") from error
