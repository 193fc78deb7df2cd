"""What a call does, without doing it: a generator yields steps and receives their results.

`Client` and `AsyncClient` carry the steps out, each in its own way, so that every call is written once (sans-IO).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, TypeVar

import httpx

from viscera_client.errors import Unreachable, error_of

T = TypeVar("T")
TRIES = 5
"""Attempts at what may be sent again after a broken connection."""
SHORTEST_PAUSE, USUAL_PAUSE = 0.2, 1.0
"""Seconds before a request is sent again: at least, and where the service does not say how many."""
_CHUNK = 1 << 18


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePart:
    """The `size` bytes of a file from `start` on, as a request's body.

    `report` gets the number of bytes that were sent, after each chunk, in the thread or the loop of the call.
    """

    path: Path
    start: int = 0
    size: int
    report: Callable[[int], None] = lambda _: None

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes."""
        with self.path.open("rb") as file:
            file.seek(self.start)
            remaining = self.size
            while chunk := file.read(min(_CHUNK, remaining)):
                remaining -= len(chunk)
                yield chunk


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request to the service; its result is the httpx.Response, whose body was read.

    `may_repeat` says that a second one does no harm. A presigned URL contains its own permission: with `://` in the
    path it goes out without the key. `timeout` is in seconds.
    """

    method: str = "GET"
    path: str
    params: Mapping[str, str | list[str]] = field(default_factory=dict)
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: FilePart | None = None
    timeout: float | None = None
    may_repeat: bool = True

    @property
    def is_presigned(self) -> bool:
        """Whether the address is another server's, with its own permission."""
        return "://" in self.path

    @property
    def options(self) -> dict[str, Any]:
        """The arguments for httpx, without the body of a file."""
        headers = dict(self.headers)
        if self.body is not None:
            headers |= {"Content-Type": "application/octet-stream", "Content-Length": str(self.body.size)}
        options: dict[str, Any] = {"params": dict(self.params), "headers": headers}
        options |= {} if self.json is None else {"json": self.json}
        return options | ({} if self.timeout is None else {"timeout": self.timeout})


@dataclass(frozen=True, slots=True)
class Save:
    """A request whose answer's body goes into a file: after what is there if the answer is a part (206)."""

    request: Request
    path: Path

    def is_file(self, response: httpx.Response) -> bool:
        """Return whether the answer is the file; otherwise its body is read."""
        return response.status_code in (200, 206)

    def open(self, response: httpx.Response) -> BinaryIO:
        """Open the file for the body of the answer."""
        return self.path.open("ab" if response.status_code == 206 else "wb")


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait that many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Work:
    """Call a function that may block for a while; its result is that of the step."""

    function: Callable[[], Any]


Step: TypeAlias = Request | Save | Pause | Work
Flow: TypeAlias = Generator[Step, Any, T]


def answered(step: Request | Save, patience: float, tries: int = 1) -> Flow[httpx.Response]:
    """Carry out a request until its answer is no error; return the response.

    A 429 or 503 is repeated after its Retry-After while that is within `patience` seconds together, and a broken
    connection up to `tries` times, where the request may be repeated. Raises ServiceError.
    """
    request = step.request if isinstance(step, Save) else step
    broken = 0
    while True:
        try:
            response: httpx.Response = yield step
        except Unreachable:
            broken += 1
            if broken >= tries or not request.may_repeat:
                raise
            yield Pause(after_break(broken))
            continue
        error, pause = error_of(response), retry_after(response)
        if error is None:
            return response
        if error.status not in (429, 503) or not request.may_repeat or pause > patience:
            raise error
        patience -= pause
        yield Pause(pause)


def after_break(count: int) -> float:
    """Return the seconds to wait after a connection has broken `count` times."""
    return float(USUAL_PAUSE * 2 ** (count - 1))


def retry_after(response: httpx.Response) -> float:
    """Return the seconds after which a request may be sent again (RFC 9110, 10.2.3); a date counts as one second."""
    text = response.headers.get("retry-after", "")
    return max(float(text), SHORTEST_PAUSE) if text.isascii() and text.isdigit() else USUAL_PAUSE
