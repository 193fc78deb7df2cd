"""What a request may send, and how long it may take: only uploads are more than a few kilobytes."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api import problems

SMALL = 1 << 16
"""Bytes of a body at most, where the route does not say otherwise; nobody is identified before it is read."""
SMALL_SECONDS = 30.0
"""Seconds in which a small body must arrive."""
IDLE_SECONDS = 30.0
"""Seconds that an upload may send nothing, and a client may take nothing of a response."""
START_SECONDS, SLOWEST = 60.0, 1024.0
"""An upload may be slower than `SLOWEST` bytes per second for its first `START_SECONDS` only."""
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


def takes_body(most: int | None) -> Callable[[Endpoint], Endpoint]:
    """Return a decorator for a route that reads its own body, after the caller is known: at most `most` bytes.

    None is an upload, which the route bounds itself.
    """

    def mark(endpoint: Endpoint) -> Endpoint:
        endpoint.most_bytes = most  # type: ignore[attr-defined]
        return endpoint

    return mark


class Bounds:
    """Ends bodies that are too long or too slow, for every route; the routes can't forget it."""

    def __init__(self, app: ASGIApp, routes: Iterable[Any]) -> None:
        self.app = app
        self.larger: list[tuple[set[str], re.Pattern[str], int | None]] = [
            (set(route.methods or ()), route.path_regex, route.endpoint.most_bytes)
            for route in problems.api_routes(routes)
            if hasattr(route.endpoint, "most_bytes")
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its bounds."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = _Body(receive, self._most(scope))

        async def sent(message: Message) -> None:
            async with asyncio.timeout(IDLE_SECONDS):
                await send(message)

        if body.most is not None and _declared(scope) > body.most:
            await _too_long(body.most)(scope, receive, sent)
            return
        await self.app(scope, body.receive, sent)

    def _most(self, scope: Scope) -> int | None:
        for methods, path, most in self.larger:
            if scope["method"] in methods and path.match(scope["path"]):
                return most
        return SMALL


class _Body:
    """The body of one request as it arrives."""

    def __init__(self, receive: Receive, most: int | None) -> None:
        self.source, self.most = receive, most
        self.bytes, self.started, self.complete = 0, time.monotonic(), False

    async def receive(self) -> Message:
        """Return the next message.

        Raises HTTPException 413 for a body that is too long, and 408 for one that is too slow.
        """
        if self.complete:  # what follows is the end of the connection, which has its own time
            return await self.source()
        try:
            async with asyncio.timeout(self._patience()):
                message = await self.source()
        except TimeoutError as error:
            raise HTTPException(408) from error
        self.bytes += len(message.get("body", b""))
        self.complete = not message.get("more_body", False)
        if self.most is not None and self.bytes > self.most:
            raise HTTPException(413)
        return message

    def _patience(self) -> float:
        spent = time.monotonic() - self.started
        if self.most is not None:
            return max(SMALL_SECONDS - spent, 0.0)
        return max(min(IDLE_SECONDS, START_SECONDS + self.bytes / SLOWEST - spent), 0.0)


def _declared(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and len(value) < 20:
            return int(value)
    return 0


def _too_long(most: int) -> ASGIApp:
    return problems.problem(413, "upload_too_large", f"At most {most} bytes are accepted here.")
