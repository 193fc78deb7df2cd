"""A store in a local folder."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from shared.errors import NotFound, Unavailable
from shared.storage.base import CHUNK, check_key, is_key


class LocalStore:
    """A store in a local folder. Files appear under their key complete or not at all."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.root.mkdir(parents=True, exist_ok=True)

    def put(self, key: str, source: Path) -> None:
        """Store a file durably: write it beside its place, flush, rename, flush every folder above it."""
        target = self._path(key)
        with _unavailable_on_error():
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
        """Return the bytes [start, stop) in chunks. Raises NotFound."""
        with self.file(key) as path:
            size = path.stat().st_size
        return _chunks(path, start, size if stop is None else min(stop, size))

    @contextmanager
    def file(self, key: str) -> Iterator[Path]:
        """Return the path of the stored file itself; callers only read it. Raises NotFound."""
        path = self._path(key)
        if not path.is_file():
            raise NotFound("The file is not in the store.")
        yield path

    def delete(self, prefix: str) -> None:
        """Delete a whole folder of keys. Raises Unavailable if something of it is still there."""
        folder = self._path(prefix + "x").parent
        shutil.rmtree(folder, ignore_errors=True)
        if os.path.lexists(folder):
            raise Unavailable("A file of the store can't be deleted.", "store_unavailable")

    def keys(self, prefix: str = "") -> Iterator[str]:
        """Return every key that starts with the prefix, sorted."""
        for path in sorted((self.root / prefix.rpartition("/")[0]).rglob("*")):
            key = path.relative_to(self.root).as_posix()
            if path.is_file() and is_key(key) and key.startswith(prefix):
                yield key

    def prepare(self) -> None:
        """Create the folder."""
        self.root.mkdir(parents=True, exist_ok=True)

    def disk(self) -> Path | None:
        """Return the folder."""
        return self.root

    def begin(self, key: str) -> str:
        """Create a folder for the parts beside the object's place and return its token."""
        token = secrets.token_hex(8)
        with _unavailable_on_error():
            self._parts(key, token).mkdir(parents=True)
        return token

    def part_link(self, key: str, token: str, number: int) -> str | None:  # noqa: ARG002 - part of the protocol
        """Return None: the gateway takes the parts."""
        return None

    def put_part(self, key: str, token: str, number: int, source: Path) -> None:
        """Move a part into place, whole or not at all. Raises NotFound for a finished upload."""
        with _unavailable_on_error():
            _flush(source)
            folder = self._parts(key, token)
            if not folder.is_dir():
                raise NotFound("The upload is over.")
            incoming = folder / f".{secrets.token_hex(8)}"
            _move(source, incoming)
            incoming.replace(folder / f"{number:05d}")
            _flush(folder)

    def parts(self, key: str, token: str) -> dict[int, int]:
        """Return the size in bytes of each part in the folder. Raises NotFound for a finished upload."""
        try:
            paths = sorted(self._parts(key, token).iterdir())
            return {int(path.name): path.stat().st_size for path in paths if path.name[0] != "."}
        except FileNotFoundError:
            raise NotFound("The upload is over.") from None

    def finish(self, key: str, token: str) -> None:
        """Join the parts into the object and delete them."""
        folder = self._parts(key, token)
        with _unavailable_on_error(), _locked(folder.with_name(folder.name + ".lock")):
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
def _locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock between threads and processes."""
    if not path.parent.is_dir():
        raise NotFound("The upload is over.")
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


@contextmanager
def _unavailable_on_error() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable("The file store can't be written; nothing was accepted.", "store_unavailable") from error
