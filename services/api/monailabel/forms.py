"""multipart/form-data bodies as MONAI Label's client sends them, and the one that it expects as an answer."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.exceptions import HTTPException

from services.api import uploads
from services.api.gateway import Gateway
from services.api.requests import body_chunks, check_encoding
from services.api.spool import spool_folder
from shared.errors import BadRequest, ScanTooLarge, Unavailable, Unprocessable
from shared.storage.base import sha256

MOST_FIELDS = 1 << 20
"""Bytes of all fields together; the plugin's parameters have points and names, a few kilobytes."""
MOST_PARTS = 20
_MALFORMED = "The body is not a form as multipart/form-data."


@dataclass(slots=True)
class Form:
    """The fields of a form by name, and the paths of its files by field name; the files live as long as the form."""

    fields: dict[str, str] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)

    def parameters(self) -> dict[str, Any]:
        """Return the field `params`, a JSON object; empty where it is missing.

        Raises Unprocessable for anything else.
        """
        try:
            value = json.loads(self.fields.get("params") or "{}")
        except (ValueError, RecursionError) as error:
            raise Unprocessable("The field params is not JSON.", "invalid_request") from error
        if not isinstance(value, dict):
            raise Unprocessable("The field params is not a JSON object.", "invalid_request")
        return value

    def upload(self, name: str) -> uploads.Upload:
        """Return the file of a field.

        Raises BadRequest where it is missing or empty.
        """
        path = self.files.get(name)
        if path is None or not path.stat().st_size:
            raise BadRequest(f"The form has no file in its field {name}.", "incomplete_body")
        return uploads.Upload(path, sha256(path), path.stat().st_size)


@asynccontextmanager
async def received(request: Request, gateway: Gateway) -> AsyncIterator[Form]:
    """Receive a form in bounded memory, its files in the spool; they are deleted at the end of the context.

    Raises ScanTooLarge, Unavailable where the disk is full, and BadRequest for a body that is no form.
    """
    check_encoding(request, "the form")
    kind, options = parse_options_header(request.headers.get("content-type"))
    boundary, limit = options.get(b"boundary"), gateway.settings.max_upload_bytes + MOST_FIELDS
    if kind != b"multipart/form-data" or not boundary:
        raise HTTPException(415)
    with ExitStack() as stack:
        parts = _Parts(stack.enter_context(spool_folder(gateway.settings.spool, "upload")), stack)
        parser = MultipartParser(boundary, callbacks=parts.callbacks())
        async with uploads.expecting(request, limit) as arrival:
            async for chunk in body_chunks(request):
                parts.received += len(chunk)
                if parts.received > limit:
                    raise ScanTooLarge(f"At most {limit} bytes are accepted.", "upload_too_large")
                await run_in_threadpool(_write, parser, chunk)
                arrival.arrived(len(chunk))
        if not parts.is_complete:
            raise BadRequest(_MALFORMED, "bad_multipart")
        yield parts.form


def _write(parser: MultipartParser, chunk: bytes) -> None:
    try:
        parser.write(chunk)
    except FormParserError as error:
        raise BadRequest(_MALFORMED, "bad_multipart") from error
    except OSError as error:
        raise Unavailable("The scan can't be stored: the disk is full.", "disk_full") from error


class _Parts:
    """What the parser finds: fields go to memory, files to a folder under names of our own."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self.stack, self.form = folder, stack, Form()
        self.received = self._in_fields = self._count = 0
        self.is_complete = False
        self._file: BinaryIO | None = None
        self._name = ""
        self._header, self._value, self._disposition = bytearray(), bytearray(), b""

    def callbacks(self) -> Any:
        names = ("part_begin", "part_data", "part_end", "header_field", "header_value", "header_end", "end")
        return {f"on_{name}": getattr(self, f"_{name}") for name in names} | {"on_headers_finished": self._begin}

    def _part_begin(self) -> None:
        self._disposition, self._count = b"", self._count + 1
        if self._count > MOST_PARTS:
            raise FormParserError(f"more than {MOST_PARTS} parts")

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if bytes(self._header).lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _begin(self) -> None:
        """Open the file of a part, or begin a field; `files` is a session's, several of which are not one image."""
        _, options = parse_options_header(self._disposition)
        self._name = options.get(b"name", b"").decode(errors="replace")
        if b"filename" not in options:
            self.form.fields[self._name] = ""
        elif self._name in self.form.files:
            raise BadRequest("Send one file at a time: a volume as NRRD or NIfTI.", "several_files")
        else:
            path = self.form.files[self._name] = self.folder / f"part{self._count}"
            self._file = self.stack.enter_context(path.open("wb"))

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.write(data[start:end])
            return
        self._in_fields += end - start
        if self._in_fields > MOST_FIELDS:
            raise FormParserError("the fields are too long")
        self.form.fields[self._name] += data[start:end].decode(errors="replace")

    def _part_end(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = None

    def _end(self) -> None:
        self.is_complete = True


def answer(parameters: dict[str, Any], name: str, content: bytes) -> tuple[bytes, str]:
    """Return the body and media type of a form with the field `params` and the file `image`."""
    boundary = f"viscera-{secrets.token_hex(16)}"
    parts = [
        b'Content-Disposition: form-data; name="params"\r\nContent-Type: application/json\r\n\r\n'
        + json.dumps(parameters).encode(),
        f'Content-Disposition: form-data; name="image"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n".encode()
        + content,
    ]
    line = f"--{boundary}\r\n".encode()
    body = b"".join(line + part + b"\r\n" for part in parts) + f"--{boundary}--\r\n".encode()
    return body, f"multipart/form-data; boundary={boundary}"
