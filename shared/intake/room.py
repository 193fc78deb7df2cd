"""Room on the disks for uploads: what is announced and has not arrived counts as taken."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from shared.errors import NotFound, Unavailable
from shared.ledger import Ledger, uploads
from shared.settings import Settings
from shared.storage.base import Store

CHECK_EVERY = 64 * 2**20
"""Bytes of a body after which the disk is checked again: it may have no announced size, and others fill disks too."""


@dataclass(slots=True, eq=False)
class Arrival:
    """A body on its way: `missing` is what was announced and has not arrived."""

    room: Room
    settings: Settings
    missing: int
    unchecked: int = 0

    def arrived(self, size: int) -> None:
        """Count bytes that are on the disk. Raises Unavailable if it is too full for more."""
        self.missing = max(self.missing - size, 0)
        self.unchecked += size
        if self.unchecked >= CHECK_EVERY:
            self.unchecked = 0
            self.room.check(self.settings)


@dataclass(slots=True)
class Room:
    """The disks of spool and store, and the bodies that this process receives."""

    ledger: Ledger
    store: Store
    _arrivals: set[Arrival] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def check(self, settings: Settings) -> None:
        """Refuse bytes while the spool's disk is too full. Raises Unavailable."""
        _check_disk(_spool(settings), 0, settings)

    @contextmanager
    def expecting(self, settings: Settings, size: int) -> Iterator[Arrival]:
        """Count a body of `size` bytes (0: not known) as taken while the context lasts, less what has arrived.

        Raises Unavailable if there is no room for it beside all that is announced: by bodies of this process, and by
        uploads in parts of every process.
        """
        arrival = Arrival(self, settings, size)
        begun = self._begun()
        with self._lock:
            self._check_announced(settings, size, begun)
            self._arrivals.add(arrival)
        try:
            yield arrival
        finally:
            with self._lock:
                self._arrivals.discard(arrival)

    def check_join(self, settings: Settings, size: int) -> None:
        """Refuse to join parts while the store's disk has no room for the whole beside them. Raises Unavailable."""
        if (disk := self.store.disk()) is not None:
            _check_disk(disk, size, settings)

    def _check_announced(self, settings: Settings, size: int, begun: int) -> None:
        spool, disk = _spool(settings), self.store.disk()
        announced = size + sum(arrival.missing for arrival in self._arrivals)
        if disk is None:
            _check_disk(spool, announced, settings)
            return
        _check_disk(disk, announced + begun, settings)
        if spool.stat().st_dev != disk.stat().st_dev:
            _check_disk(spool, announced, settings)

    def _begun(self) -> int:
        """Return the bytes of begun uploads that have not arrived; 0 where the store has no disk to fill."""
        if self.store.disk() is None:
            return 0
        with self.ledger.read() as connection:
            unfinished = uploads.unfinished(connection)
        return sum(max(upload.bytes - self._parts(upload), 0) for upload in unfinished)

    def _parts(self, upload: uploads.Upload) -> int:
        try:
            return sum(self.store.parts(upload.key, upload.token).values())
        except NotFound:  # joined: all of it has arrived
            return upload.bytes


def _spool(settings: Settings) -> Path:
    settings.spool.mkdir(parents=True, exist_ok=True)
    return settings.spool


def _check_disk(folder: Path, taken: int, settings: Settings) -> None:
    if shutil.disk_usage(folder).free - taken < settings.free_bytes:
        raise Unavailable("There is too little disk space to accept a scan; nothing was accepted.", "disk_full")
