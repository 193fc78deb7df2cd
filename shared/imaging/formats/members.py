"""The files of a scan, from a folder, an archive (zip, tar, tar.gz) or a single file, read within limits."""

from __future__ import annotations

import gzip
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, cast

from shared.errors import CorruptScan, NotAScan, ScanTooLarge, UnsupportedScan
from shared.imaging.formats.limits import Limits

_DAMAGED = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError, tarfile.TarError,
)  # fmt: skip
_GZIP = b"\x1f\x8b"
_ZIP_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}
_OTHER_METHODS = {9: "Deflate64", 93: "Zstandard", 95: "XZ", 96: "JPEG", 98: "PPMd"}
_COPY_BYTES = 1 << 20


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

    def content_head(self, count: int) -> bytes:
        """Return the first bytes, after gzip decompression where the file is gzipped; fewer if they are damaged."""
        head = self.head(count)
        if not head.startswith(_GZIP):
            return head
        content = b""
        with _damage_explained(), self.opener() as file:
            try:
                stream = gzip.GzipFile(fileobj=file)
                while len(content) < count and (more := stream.read(count - len(content))):
                    content += more
            except (OSError, EOFError, zlib.error):
                pass
        return content

    def content(self, offset: int, size: int, what: str) -> bytes:
        """Return `size` bytes from `offset` on, after gzip decompression; `what` names the format in errors.

        Raises CorruptScan for damaged or missing bytes, and ScanTooLarge for a file far larger than its content.
        """
        try:
            with self.open() as file:
                stream = gzip.GzipFile(fileobj=file) if file.read(2) == _GZIP else file
                file.seek(0)
                stream.seek(offset)
                raw = stream.read(size)
        except (OSError, EOFError, zlib.error, ValueError) as error:
            raise CorruptScan(f"The {what} data is damaged.") from error
        if len(raw) < size:
            raise CorruptScan(f"The {what} data is truncated: it has {len(raw)} of {size} bytes.")
        if self.size > 8 * size + offset + 2**20:
            raise ScanTooLarge(f"The {what} file is far larger than its voxels need.")
        return raw


def members_of(path: Path, limits: Limits) -> list[Member]:
    """Return the files of a folder, an archive or a single file, sorted by path.

    Where there is a `scans/` folder, only its files are returned.
    """
    return split_members(path, limits)[0]


def split_members(path: Path, limits: Limits) -> tuple[list[Member], list[Member]]:
    """Return the files of a scan, and those left out because they are beside a `scans/` folder; each sorted by path."""
    if path.is_dir():
        members = list(_folder(path, limits))
    elif zipfile.is_zipfile(path) and not _is_image(path):
        members = _zip(path, limits)
    elif _is_tar(path):
        members = _tar(path, limits)
    else:
        return [Member(PurePosixPath(path.name), path.stat().st_size, lambda: path.open("rb"))], []
    members = sorted((m for m in members if not _hidden(m.path)), key=lambda member: member.path.parts)
    if not members:
        raise NotAScan("There is no file in it.")
    scans = [member for member in members if "scans" in member.path.parts[:-1]]
    if not scans:
        return members, []
    return scans, [member for member in members if "scans" not in member.path.parts[:-1]]


def _is_image(path: Path) -> bool:
    # A zip that is appended to an image is a polyglot: the image at the front decides.
    with path.open("rb") as file:
        head = file.read(132)
    return head.startswith(b"\x89PNG") or head[128:] == b"DICM"


def _hidden(path: PurePosixPath) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in path.parts)


def _folder(root: Path, limits: Limits) -> Iterator[Member]:
    count = total = 0
    for file in root.rglob("*"):
        if not file.is_file():
            continue
        size = file.stat().st_size
        count, total = count + 1, total + size
        _check(count, total, limits)
        yield Member(PurePosixPath(file.relative_to(root).as_posix()), size, _path_opener(file))


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
        if info.compress_type not in _ZIP_METHODS:
            method = _OTHER_METHODS.get(info.compress_type, f"method {info.compress_type}")
            raise UnsupportedScan(f"The zip file is compressed with {method}, which is not read; zip it with Deflate.")
        members.append(
            Member(PurePosixPath(info.filename.replace("\\", "/")), info.file_size, _zip_opener(archive, info))
        )
    return members


def _zip_opener(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], BinaryIO]:
    def opener() -> BinaryIO:
        return cast(BinaryIO, archive.open(info))

    return opener


def _is_tar(path: Path) -> bool:
    member = Member(PurePosixPath(path.name), path.stat().st_size, lambda: path.open("rb"))
    return member.content_head(512)[257:262] == b"ustar"


def _tar(path: Path, limits: Limits) -> list[Member]:
    """Return the regular files of a tar; a gzipped one is decompressed into a temporary file, to read in any order."""
    try:
        archive = tarfile.open(fileobj=_plain_tar(path, limits))  # noqa: SIM115 - stays open for its members
        infos = [info for info in archive if info.isfile()]
    except _DAMAGED as error:
        raise CorruptScan("The tar file is damaged.") from error
    _check(len(infos), sum(info.size for info in infos), limits)
    return [Member(PurePosixPath(info.name), info.size, _tar_opener(archive, info)) for info in infos]


def _plain_tar(path: Path, limits: Limits) -> IO[bytes]:
    file = path.open("rb")
    if file.read(2) != _GZIP:
        file.seek(0)
        return file
    file.seek(0)
    plain = tempfile.TemporaryFile()  # noqa: SIM115 - stays open for its members
    with file, gzip.GzipFile(fileobj=file) as stream:
        total = 0
        while chunk := stream.read(_COPY_BYTES):
            total += len(chunk)
            _check(1, total, limits)
            plain.write(chunk)
    plain.seek(0)
    return plain


def _tar_opener(archive: tarfile.TarFile, info: tarfile.TarInfo) -> Callable[[], BinaryIO]:
    def opener() -> BinaryIO:
        return cast(BinaryIO, archive.extractfile(info))

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
