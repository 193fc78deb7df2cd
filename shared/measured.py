"""A store whose calls are timed and counted; every process that serves opens its store through this one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from shared.metrics import meters, timed
from shared.store import Store, open_store


class MeasuredStore:
    """Passes every call on to another store and observes how long it took and whether the store was there."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def put(self, key: str, source: Path) -> None:
        """Keeps a file."""
        size = source.stat().st_size
        with _call("put"):
            self.store.put(key, source)
        meters().store_bytes.labels("put").inc(size)

    def read(self, key: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Reads; what is timed is the opening, as the rest waits for whoever takes the bytes."""
        with _call("read"):
            chunks = self.store.read(key, start, stop)
        return _counted(chunks)

    @contextmanager
    def file(self, key: str) -> Iterator[Path]:
        """A local path; what is timed is the fetching."""
        with ExitStack() as stack:
            with _call("file"):
                path = stack.enter_context(self.store.file(key))
            meters().store_bytes.labels("file").inc(path.stat().st_size)
            yield path

    def delete(self, prefix: str) -> None:
        """Removes a prefix."""
        with _call("delete"):
            self.store.delete(prefix)

    def keys(self, prefix: str = "") -> Iterator[str]:
        """Every key below a prefix."""
        return self.store.keys(prefix)

    def prepare(self) -> None:
        """Makes folder or bucket."""
        self.store.prepare()

    def begin(self, key: str) -> str:
        """Starts an upload in parts."""
        with _call("begin"):
            return self.store.begin(key)

    def part_link(self, key: str, token: str, number: int) -> str | None:
        """Where a client may send a part."""
        return self.store.part_link(key, token, number)

    def put_part(self, key: str, token: str, number: int, source: Path) -> None:
        """Keeps a part."""
        size = source.stat().st_size
        with _call("put_part"):
            self.store.put_part(key, token, number, source)
        meters().store_bytes.labels("put_part").inc(size)

    def parts(self, key: str, token: str) -> dict[int, int]:
        """The parts that have arrived."""
        with _call("parts"):
            return self.store.parts(key, token)

    def finish(self, key: str, token: str) -> None:
        """Joins the parts."""
        with _call("finish"):
            self.store.finish(key, token)


def open_measured(url: str) -> Store:
    """The store at a URL, measured."""
    return MeasuredStore(open_store(url))


def _call(name: str) -> AbstractContextManager[None]:
    return timed(meters().store_seconds, name)


def _counted(chunks: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        meters().store_bytes.labels("read").inc(len(chunk))
        yield chunk
