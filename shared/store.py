"""Where bytes lie: scans, intermediate and published files, under keys such as `jobs/<id>/mesher/1/model.glb`."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from shared.errors import NotFound, Unavailable

CHUNK = 1 << 20
_KEY = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)+$")


class Store(Protocol):
    """What the services need of a store; once `put` returns, the bytes survive a crash."""

    def __hash__(self) -> int: ...

    def put(self, key: str, source: Path) -> None:
        """Keeps a file under a key; the source may be moved away. Overwrites."""

    def read(self, key: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` to before `stop`, in chunks; raises NotFound before the first one."""

    def file(self, key: str) -> AbstractContextManager[Path]:
        """A context manager that gives a local path to read; raises NotFound."""

    def delete(self, prefix: str) -> None:
        """Removes every key that starts with a prefix ending in `/`; nothing there is no error."""

    def keys(self, prefix: str = "") -> Iterator[str]:
        """Every key that starts with the prefix."""

    def prepare(self) -> None:
        """Makes what must be there before the first file: a folder, a bucket."""

    def begin(self, key: str) -> str:
        """Starts an upload in parts; the token names it."""

    def part_link(self, key: str, token: str, number: int) -> str | None:
        """A URL to which anybody may PUT this part for an hour, or None where the service itself takes the parts."""

    def put_part(self, key: str, token: str, number: int, source: Path) -> None:
        """Keeps one part, counted from 1; the source may be moved away. Overwrites."""

    def parts(self, key: str, token: str) -> dict[int, int]:
        """The bytes of each part that has arrived; raises NotFound for an upload that is over."""

    def finish(self, key: str, token: str) -> None:
        """Makes the parts, in order, the object under the key."""


class LocalStore:
    """A store in a local folder. Files appear under their key complete or not at all."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.root.mkdir(parents=True, exist_ok=True)

    def put(self, key: str, source: Path) -> None:
        """Keeps a file: written beside its place, flushed to disk, renamed, folder flushed."""
        target = self._path(key)
        with _explained():
            target.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=".put-", dir=target.parent)
            os.close(handle)
            temporary = Path(name)
            try:
                _move(source, temporary)
                _flush(temporary)
                temporary.replace(target)
            finally:
                temporary.unlink(missing_ok=True)
            for folder in (target.parent, *target.parent.parents):
                _flush(folder)
                if folder == self.root:
                    break

    def read(self, key: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` to before `stop`, in chunks."""
        with self.file(key) as path:
            size = path.stat().st_size
        return _chunks(path, start, size if stop is None else min(stop, size))

    @contextmanager
    def file(self, key: str) -> Iterator[Path]:
        """The file itself: it must not be changed."""
        path = self._path(key)
        if not path.is_file():
            raise NotFound("The file is not in the store.")
        yield path

    def delete(self, prefix: str) -> None:
        """Removes a whole folder of keys."""
        with _explained():
            shutil.rmtree(self._path(prefix + "x").parent, ignore_errors=True)

    def keys(self, prefix: str = "") -> Iterator[str]:
        """Every key that starts with the prefix, sorted."""
        for path in sorted((self.root / prefix.rpartition("/")[0]).rglob("*")):
            key = path.relative_to(self.root).as_posix()
            if path.is_file() and _KEY.match(key) and key.startswith(prefix):
                yield key

    def prepare(self) -> None:
        """Makes the folder."""
        self.root.mkdir(parents=True, exist_ok=True)

    def begin(self, key: str) -> str:
        """Makes a folder for the parts beside the object's place."""
        token = secrets.token_hex(8)
        with _explained():
            self._parts(key, token).mkdir(parents=True)
        return token

    def part_link(self, key: str, token: str, number: int) -> str | None:  # noqa: ARG002 - others use it
        """None: the gateway takes the parts."""
        return None

    def put_part(self, key: str, token: str, number: int, source: Path) -> None:
        """Moves a part into place, whole or not at all."""
        with _explained():
            _flush(source)
            folder = self._parts(key, token)
            if not folder.is_dir():
                raise NotFound("The upload is over.")
            waiting = folder / f".{secrets.token_hex(8)}"
            _move(source, waiting)
            waiting.replace(folder / f"{number:05d}")
            _flush(folder)

    def parts(self, key: str, token: str) -> dict[int, int]:
        """The parts in the folder."""
        try:
            found = sorted(self._parts(key, token).iterdir())
            return {int(path.name): path.stat().st_size for path in found if path.name[0] != "."}
        except FileNotFoundError:
            raise NotFound("The upload is over.") from None

    def finish(self, key: str, token: str) -> None:
        """Joins the parts into the object and removes them."""
        folder = self._parts(key, token)
        with _explained(), _alone(folder.with_name(folder.name + ".lock")):
            joined = folder / ".joined"
            arrived = self.parts(key, token)
            with joined.open("wb") as file:
                for number in arrived:
                    with (folder / f"{number:05d}").open("rb") as part:
                        shutil.copyfileobj(part, file, CHUNK)
            self.put(key, joined)
            shutil.rmtree(folder, ignore_errors=True)

    def _parts(self, key: str, token: str) -> Path:
        if not token.isalnum():
            raise NotFound("The upload is over.")
        path = self._path(key)
        return path.with_name(f".parts-{token}")

    def _path(self, key: str) -> Path:
        return self.root / check_key(key)


def check_key(key: str) -> str:
    """The key itself; raises ValueError for one that no store accepts."""
    if not _KEY.match(key):
        raise ValueError(f"not a store key: {key!r}")
    return key


def open_store(url: str) -> Store:
    """The store at a URL: `file:PATH`, `file:///PATH` or `s3://BUCKET/PREFIX?endpoint=...&region=...`."""
    parts = urlsplit(url)
    if parts.scheme == "s3":
        from shared.s3 import S3Store  # needs boto3, which the embedded system does without

        return S3Store.from_url(url)
    if parts.scheme != "file":
        raise ValueError(f"unknown kind of store: {parts.scheme or url}")
    return LocalStore(Path(unquote(parts.path)))


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _chunks(path: Path, start: int, stop: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        while start < stop and (chunk := file.read(min(CHUNK, stop - start))):
            start += len(chunk)
            yield chunk


def _move(source: Path, target: Path) -> None:
    try:
        source.replace(target)
    except OSError:  # another file system
        shutil.copyfile(source, target)
        source.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    with suppress(PermissionError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Waits until no other process or thread is inside."""
    if not path.parent.is_dir():
        raise NotFound("The upload is over.")
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable("The file store can't be written; nothing was accepted.", "store_unavailable") from error
