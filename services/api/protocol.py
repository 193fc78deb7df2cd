"""HTTP/1.1 as uvicorn speaks it, with bounds on the head of a request: its bytes and its time."""

from __future__ import annotations

import asyncio
import resource
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES = 1 << 16
"""Bytes of request line and headers; also of trailers, and of what stands between two chunks of a body."""
HEAD_SECONDS = 15.0
"""Seconds in which the head must arrive."""
REST_SECONDS = 10.0
"""Seconds for which the rest of a body is discarded after an early answer, so that the client can read the answer."""
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class BoundedProtocol(HttpToolsProtocol):
    """One connection; it is closed when a head is too long or too slow."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._outside = 0
        self._closing: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the time of the first head."""
        super().connection_made(transport)
        self._close_after(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the time."""
        self._close_after(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse bytes, and end the connection when too many of them are no body."""
        if self._closing is None and (self.cycle is None or self.cycle.response_complete):
            self._close_after(HEAD_SECONDS)
        self._outside += len(data)
        super().data_received(data)
        if self._outside > HEAD_BYTES and not self.transport.is_closing():
            if self.cycle is None or self.cycle.response_complete:
                self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header or a trailer; trailers are not used."""
        if self.cycle is None or self.scope is not self.cycle.scope:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Start the request, whose body has bounds of its own."""
        self._outside = 0
        self._close_after(None)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._outside = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Stop the time of a body that was discarded."""
        self._outside = 0
        self._close_after(None)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Start the time of the rest of a body that nobody reads."""
        unread = self.cycle is not None and self.cycle.more_body
        super().on_response_complete()
        if unread and not self.transport.is_closing():
            self._close_after(REST_SECONDS)

    def _close_after(self, seconds: float | None) -> None:
        if self._closing is not None:
            self._closing.cancel()
        self._closing = None if seconds is None else self.loop.call_later(seconds, self._close)

    def _close(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


def most_connections() -> int:
    """Raise the limit of open files as far as this process may; return how many connections leave room for files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, 65536) if hard != resource.RLIM_INFINITY else 65536
    if wanted > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return max(soft * 3 // 4, 64)
