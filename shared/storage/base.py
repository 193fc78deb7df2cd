"""What a store is: named bytes under keys such as `jobs/<id>/mesher/1/model.glb`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from shared.errors import Unavailable

CHUNK = 1 << 20
"""Bytes read at once."""
_KEY = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)+$")


class ObjectStore(Protocol):
    """Whole files under keys; once `put` returns, the bytes survive a crash."""

    def __hash__(self) -> int: ...

    def put(self, key: str, source: Path) -> None:
        """Store a file under a key, replacing what is there; `source` may be moved away. Raises Unavailable."""

    def read(self, key: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Return the bytes [start, stop) in chunks. Raises NotFound before the first chunk."""

    def file(self, key: str) -> AbstractContextManager[Path]:
        """Return a context manager with a local, read-only path of the bytes. Raises NotFound."""

    def delete(self, prefix: str) -> None:
        """Delete every key that starts with a prefix ending in `/`; a prefix without keys is no error."""

    def keys(self, prefix: str = "") -> Iterator[str]:
        """Return every key that starts with the prefix."""

    def prepare(self) -> None:
        """Create the folder or the bucket if it is not there."""

    def disk(self) -> Path | None:
        """Return a folder on the disk that the files fill; None where no disk of this machine has them."""


class MultipartUploads(Protocol):
    """Uploads in parts, which appear as one object when they are finished."""

    def begin(self, key: str) -> str:
        """Start an upload in parts and return its token."""

    def part_link(self, key: str, token: str, number: int) -> str | None:
        """Return a URL that takes a PUT of this part for an hour; None where the gateway itself takes parts."""

    def put_part(self, key: str, token: str, number: int, source: Path) -> None:
        """Store part `number`, counted from 1, replacing an earlier one; `source` may be moved away."""

    def parts(self, key: str, token: str) -> dict[int, int]:
        """Return the size in bytes of each part that has arrived. Raises NotFound for a finished upload."""

    def finish(self, key: str, token: str) -> None:
        """Join the parts, in order, into the object under the key."""


class Store(ObjectStore, MultipartUploads, Protocol):
    """What the services need: whole files and uploads in parts."""


def is_key(text: str) -> bool:
    """Return whether every store accepts this text as a key."""
    return _KEY.match(text) is not None


def check_key(key: str) -> str:
    """Return the key itself. Raises ValueError for one that no store accepts."""
    if not is_key(key):
        raise ValueError(f"not a store key: {key!r}")
    return key


@contextmanager
def checked_file(store: ObjectStore, key: str, digest: str) -> Iterator[Path]:
    """Yield the path of a stored file. Raises Unavailable if its SHA-256 is not `digest`."""
    with store.file(key) as path:
        if sha256(path) != digest:
            raise Unavailable("A stored file does not have the SHA-256 that the ledger has.", "store_unavailable")
        yield path


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
