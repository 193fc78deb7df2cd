"""A bounded, incremental parser of multipart/related bodies (RFC 2046 5.1, RFC 2387), for any chunk size.

It keeps at most one chunk and one delimiter in memory; part headers are limited, bodies are passed on as they arrive.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from shared.errors import BadRequest

MAX_HEADERS = 16 * 1024
MAX_PARTS = 20_000
MAX_PREAMBLE = 64 * 1024
_PARAMETER = re.compile(r';\s*([A-Za-z0-9_*-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;\s]*)')
_BOUNDARY = re.compile(r"^[ -~]{0,199}[!-~]$")  # RFC 2046 allows 70 characters; Orthanc sends 73


@dataclass(frozen=True, slots=True)
class Begin:
    """A part begins; its header names are in lower case."""

    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Data:
    """Bytes of the current part."""

    content: bytes


@dataclass(frozen=True, slots=True)
class End:
    """The current part is complete."""


Event = Begin | Data | End


def parse_media_type(text: str) -> tuple[str, dict[str, str]]:
    """Return a media type in lower case and its parameters, quoted or not."""
    kind, _, _ = text.partition(";")
    parameters = {}
    for match in _PARAMETER.finditer(text):
        raw = match[2]
        value = re.sub(r"\\(.)", r"\1", raw[1:-1]) if raw.startswith('"') else raw
        parameters[match[1].lower()] = value
    return kind.strip().lower(), parameters


class Parser:
    """Feed it chunks, then call `finish`; both yield events.

    Raises BadRequest (`bad_multipart`) for a malformed body.
    """

    def __init__(self, boundary: str) -> None:
        if not _BOUNDARY.match(boundary):
            raise BadRequest("The multipart boundary is missing or malformed.", "bad_multipart")
        self._delimiter = b"\r\n--" + boundary.encode("ascii")
        self._buffer = bytearray(b"\r\n")  # the first delimiter may be at the very beginning
        self._state = "preamble"
        self._skipped = self._parts = 0
        self._first = False

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Yield the events that this chunk completes."""
        if self._state == "epilogue":
            return
        self._buffer += chunk
        step = {"preamble": self._preamble, "delimited": self._delimited, "headers": self._headers, "body": self._body}
        while self._state != "epilogue":
            before = self._state, len(self._buffer)
            yield from step[self._state]()
            if before == (self._state, len(self._buffer)):
                return

    def finish(self) -> Iterator[Event]:
        """Check that the last delimiter has arrived.

        Raises BadRequest.
        """
        if self._state != "epilogue":
            raise BadRequest("The multipart body ends before its last boundary.", "bad_multipart")
        return iter(())

    def _preamble(self) -> Iterator[Event]:
        at = self._buffer.find(self._delimiter)
        if at < 0:
            self._skipped += self._drop_all_but_a_delimiter()
            if self._skipped > MAX_PREAMBLE:
                raise BadRequest("The multipart body does not begin with its boundary.", "bad_multipart")
        else:
            del self._buffer[: at + len(self._delimiter)]
            self._state = "delimited"
        return iter(())

    def _delimited(self) -> Iterator[Event]:
        """After a delimiter: two hyphens and the end, or blanks, a line end and a part."""
        if self._buffer.startswith(b"--"):
            self._state = "epilogue"
            self._buffer.clear()
            return iter(())
        end = self._buffer.find(b"\r\n")
        padding = self._buffer[: end if end >= 0 else len(self._buffer)]
        if padding.strip(b" \t\r") and not (end < 0 and padding == b"-"):
            raise BadRequest("A multipart boundary is followed by something else.", "bad_multipart")
        if len(padding) > MAX_HEADERS:
            raise BadRequest("A multipart boundary has too many blanks after it.", "bad_multipart")
        if end >= 0:
            del self._buffer[:end]  # its line end may also be the empty line after no headers
            self._state = "headers"
        return iter(())

    def _headers(self) -> Iterator[Event]:
        end = self._buffer.find(b"\r\n\r\n")
        if end > MAX_HEADERS or (end < 0 and len(self._buffer) > MAX_HEADERS):
            raise BadRequest("The headers of a part are too long.", "bad_multipart")
        if end < 0:
            return
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise BadRequest(f"There are more than {MAX_PARTS} parts.", "bad_multipart")
        headers = _fields(bytes(self._buffer[:end]))
        # The line end before the next delimiter may be the one after the headers, for an empty part.
        del self._buffer[: end + 2]
        self._state = "body"
        self._first = True
        yield Begin(headers)

    def _body(self) -> Iterator[Event]:
        at = self._buffer.find(self._delimiter)
        if at >= 0:
            yield from self._data(at)
            del self._buffer[: len(self._delimiter)]
            self._state = "delimited"
            yield End()
            return
        ready = len(self._buffer) - len(self._delimiter) - 2
        if ready > 2:
            yield from self._data(ready)

    def _data(self, stop: int) -> Iterator[Event]:
        start = 2 if self._first else 0
        content = bytes(self._buffer[start:stop]) if stop > start else b""
        del self._buffer[:stop]
        self._first = False
        if content:
            yield Data(content)

    def _drop_all_but_a_delimiter(self) -> int:
        surplus = max(len(self._buffer) - len(self._delimiter) + 1, 0)
        del self._buffer[:surplus]
        return surplus


def _fields(block: bytes) -> dict[str, str]:
    text = re.sub(r"\r\n[ \t]+", " ", block.decode("latin-1").lstrip("\r\n"))
    fields = {}
    for line in text.split("\r\n"):
        name, colon, value = line.partition(":")
        if line and (not colon or not name.strip()):
            raise BadRequest("A header of a part is damaged.", "bad_multipart")
        if line:
            fields[name.strip().lower()] = value.strip()
    return fields
