"""The session that `GET /` opens on a loopback address, once for all requests that nobody follows up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

REUSED_SECONDS = 600.0
"""Seconds for which a session that no request has used is handed out again."""


class PageSession:
    """The newest session that the page got and no request has used yet.

    A health check or a script that reads `/` without cookies would otherwise write a session and an audit record each
    time. A browser uses its session at once, so two browsers do not share one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key, self._until = "", 0.0

    def get(self, create: Callable[[], str], is_valid: Callable[[str], bool]) -> str:
        """Return the value of the unused session, or of one that `create` opens."""
        with self._lock:
            if not self._key or time.monotonic() > self._until or not is_valid(self._key):
                self._key, self._until = create(), time.monotonic() + REUSED_SECONDS
            return self._key

    def note_use(self, key: str) -> None:
        """Do not hand out this session again."""
        if key == self._key:
            self._key = ""
