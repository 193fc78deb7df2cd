"""Limits per tenant in one gateway process: requests per minute, uploads at once."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from shared.errors import TooMany


@dataclass(slots=True)
class _Bucket:
    """A token bucket: full at first, one token per request, refilled at a steady rate."""

    tokens: float
    at: float


@dataclass(slots=True)
class Limits:
    """Limits per tenant, counted in this process; 0 means no limit."""

    requests_per_minute: int
    uploads_at_once: int
    _buckets: dict[str, _Bucket] = field(default_factory=dict)
    _uploads: Counter[str] = field(default_factory=Counter)
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
            bucket.tokens = min(float(self.requests_per_minute), bucket.tokens + (at - bucket.at) * rate)
            bucket.at = at
            if bucket.tokens < 1.0:
                raise TooMany("Too many requests; send it again later.", "rate_limited", after=1.0 / rate)
            bucket.tokens -= 1.0

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
