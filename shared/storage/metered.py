"""A store that times and counts every call for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from shared.storage.base import Store
from shared.telemetry.metrics import meters, timed


class MeteredStore:
    """Passes each call to another store and records its duration, its bytes and whether the store was available."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def put(self, key: str, source: Path) -> None:
        """Store a file."""
        size = source.stat().st_size
        with _call("put"):
            self.store.put(key, source)
        meters().store_bytes.labels("put").inc(size)

    def read(self, key: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Return the bytes in chunks; only opening is timed, because the consumer sets the pace of the rest."""
        with _call("read"):
            chunks = self.store.read(key, start, stop)
        return _counted(chunks)

    @contextmanager
    def file(self, key: str) -> Iterator[Path]:
        """Return a local path; fetching it is timed."""
        with ExitStack() as stack:
            with _call("file"):
                path = stack.enter_context(self.store.file(key))
            meters().store_bytes.labels("file").inc(path.stat().st_size)
            yield path

    def delete(self, prefix: str) -> None:
        """Delete a prefix."""
        with _call("delete"):
            self.store.delete(prefix)

    def keys(self, prefix: str = "") -> Iterator[str]:
        """Return every key below a prefix."""
        return self.store.keys(prefix)

    def prepare(self) -> None:
        """Create the folder or the bucket."""
        self.store.prepare()

    def disk(self) -> Path | None:
        """Return a folder on the disk that the files fill."""
        return self.store.disk()

    def begin(self, key: str) -> str:
        """Start an upload in parts."""
        with _call("begin"):
            return self.store.begin(key)

    def part_link(self, key: str, token: str, number: int) -> str | None:
        """Return the URL to which a client may send a part."""
        return self.store.part_link(key, token, number)

    def put_part(self, key: str, token: str, number: int, source: Path) -> None:
        """Store a part."""
        size = source.stat().st_size
        with _call("put_part"):
            self.store.put_part(key, token, number, source)
        meters().store_bytes.labels("put_part").inc(size)

    def parts(self, key: str, token: str) -> dict[int, int]:
        """Return the size in bytes of each part that has arrived."""
        with _call("parts"):
            return self.store.parts(key, token)

    def finish(self, key: str, token: str) -> None:
        """Join the parts."""
        with _call("finish"):
            self.store.finish(key, token)


def _call(name: str) -> AbstractContextManager[None]:
    return timed(meters().store_seconds, name)


def _counted(chunks: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        meters().store_bytes.labels("read").inc(len(chunk))
        yield chunk
