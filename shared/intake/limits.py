"""Limits per tenant in one process: requests per minute, uploads at once."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from shared.errors import TooMany

FAILURES, FAILURES_PER_SECOND = 100, 1.0
"""Wrong keys that one address may send at once, and how many more each second."""
_MOST_NOTED = 10_000


@dataclass(slots=True)
class _Bucket:
    """A token bucket: full at first, one token per request, refilled at a steady rate."""

    tokens: float
    at: float

    def refill(self, rate: float, most: float, now: float) -> float:
        """Add the tokens of the time since the last call; return how many there are."""
        self.tokens = min(float(most), self.tokens + (now - self.at) * rate)
        self.at = now
        return self.tokens


@dataclass(slots=True)
class Limits:
    """Limits per tenant, counted in this process; 0 means no limit."""

    requests_per_minute: int
    uploads_at_once: int
    _buckets: dict[str, _Bucket] = field(default_factory=dict)
    _uploads: Counter[str] = field(default_factory=Counter)
    _failures: dict[str, _Bucket] = field(default_factory=dict)
    _known: dict[str, None] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def request(self, tenant: str, now: float | None = None) -> None:
        """Count one request.

        Raises TooMany when the bucket is empty.
        """
        if not self.requests_per_minute:
            return
        at = time.monotonic() if now is None else now
        with self._lock:
            bucket = self._buckets.setdefault(tenant, _Bucket(float(self.requests_per_minute), at))
            rate = self.requests_per_minute / 60.0
            if bucket.refill(rate, self.requests_per_minute, at) < 1.0:
                raise TooMany("Too many requests; send it again later.", "rate_limited", after=1.0 / rate)
            bucket.tokens -= 1.0

    def check_credential(self, address: str, credential: str, now: float | None = None) -> None:
        """Refuse a credential that was not valid lately, from an address that sent too many wrong ones.

        Raises TooMany. Nothing waits: a pause would hold the thread that serves everybody.
        """
        at = time.monotonic() if now is None else now
        with self._lock:
            bucket = self._failures.get(address)
            if bucket is None or bucket.refill(FAILURES_PER_SECOND, FAILURES, at) >= 1.0 or credential in self._known:
                return
        raise TooMany("Too many wrong keys; send it again later.", "rate_limited", after=1.0 / FAILURES_PER_SECOND)

    def note_credential(self, address: str, credential: str, *, valid: bool, now: float | None = None) -> None:
        """Note whether a credential, given by its digest, was valid."""
        at = time.monotonic() if now is None else now
        with self._lock:
            if valid:
                self._known.pop(credential, None)
                self._known[credential] = None
                _bound(self._known)
            else:
                self._known.pop(credential, None)
                bucket = self._failures.setdefault(address, _Bucket(float(FAILURES), at))
                bucket.tokens = max(bucket.refill(FAILURES_PER_SECOND, FAILURES, at) - 1.0, 0.0)
                _bound(self._failures)

    @contextmanager
    def upload(self, tenant: str) -> Iterator[None]:
        """Count an upload while the context lasts.

        Raises TooMany above the limit.
        """
        with self._lock:
            if self.uploads_at_once and self._uploads[tenant] >= self.uploads_at_once:
                raise TooMany("Too many uploads at once; send it again when one has ended.", "too_many_uploads")
            self._uploads[tenant] += 1
        try:
            yield
        finally:
            with self._lock:
                self._uploads[tenant] -= 1


def _bound(noted: dict[str, Any]) -> None:
    """Forget the oldest entry of a dictionary that is too long."""
    if len(noted) > _MOST_NOTED:
        del noted[next(iter(noted))]
