"""Request bodies: media types, bounded reading, JSON models."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from shared.errors import BadRequest, Unprocessable

Model = TypeVar("Model", bound=BaseModel)
RAW_TYPES = (
    "application/octet-stream", "application/zip", "application/x-zip-compressed", "application/dicom",
    "application/gzip", "application/x-gzip", "application/x-www-form-urlencoded", "",
)  # fmt: skip
"""Media types of a raw scan; curl sends the form type by default, other clients none."""
RAW_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {name: {"schema": {"type": "string", "format": "binary"}} for name in RAW_TYPES[:5]},
    }
}
MOST_JSON = 1 << 16
"""Bytes of a JSON body at most, where the route does not say otherwise."""
_BUFFER = 1 << 20


def raw_or_json(model: dict[str, Any]) -> dict[str, Any]:
    """Return the OpenAPI request body of a route that takes a raw scan or JSON with this schema."""
    content = RAW_BODY["requestBody"]["content"] | {"application/json": {"schema": model}}
    return {"requestBody": {"required": True, "content": content}}


def media_type(request: Request) -> str:
    """Return the request's media type in lower case, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def check_encoding(request: Request, subject: str) -> None:
    """Refuse a body with a Content-Encoding; `subject` names what to send instead. Raises BadRequest."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise BadRequest(f"Send {subject} without Content-Encoding.", "content_encoding")


async def body_chunks(request: Request) -> AsyncIterator[bytes]:
    """Yield the body in chunks of about 1 MiB. Raises BadRequest if the client disconnects."""
    buffer = bytearray()
    try:
        async for chunk in request.stream():
            buffer += chunk
            if len(buffer) >= _BUFFER:
                yield bytes(buffer)
                buffer.clear()
    except ClientDisconnect as error:
        raise BadRequest("The upload ended before its end.", "incomplete_body") from error
    if buffer:
        yield bytes(buffer)


async def read_json(request: Request, model: type[Model], most: int = MOST_JSON) -> Model:
    """Return the JSON body as a model, in bounded memory: at most `most` bytes.

    Raises BadRequest for a body that is too long, and Unprocessable with the names of the invalid fields.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise BadRequest("The JSON body is too long.", "bad_json")
    try:
        return model.model_validate_json(bytes(body))
    except ValidationError as error:
        where = ", ".join(".".join(map(str, issue["loc"])) for issue in error.errors()[:5])
        raise Unprocessable(f"The request is not valid: {where or 'body'}.", "invalid_request") from error
