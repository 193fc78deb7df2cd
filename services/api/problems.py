"""Errors as RFC 9457 problem details: one sentence and a stable code, no internals."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from shared.errors import VisceraError

logger = logging.getLogger("viscera.api")
MEDIA_TYPE = "application/problem+json"
_CODES = {404: "not_found", 405: "method_not_allowed", 413: "upload_too_large", 415: "unsupported_media_type"}


def problem(
    status: int,
    code: str,
    detail: str,
    headers: dict[str, str] | None = None,
    members: Mapping[str, Any] | None = None,
) -> JSONResponse:
    """Return one problem document; `members` are those beside the usual ones."""
    title = HTTPStatus(status).phrase
    body: dict[str, Any] = {"type": f"urn:viscera:problem:{code}", "title": title, "status": status}
    body |= {"code": code, "detail": detail, **(members or {})}
    return JSONResponse(body, status, headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Turn every error of the application into a problem document."""

    @app.exception_handler(VisceraError)
    async def known(_request: Request, error: VisceraError) -> JSONResponse:
        after = str(math.ceil(getattr(error, "after", 5.0)))
        headers = {401: {"WWW-Authenticate": "Bearer"}, 429: {"Retry-After": after}, 503: {"Retry-After": after}}
        return problem(error.status, error.code, error.detail, headers.get(error.status), error.members)

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        where = ", ".join(".".join(str(part) for part in issue["loc"][1:]) for issue in error.errors()[:5])
        return problem(422, "invalid_request", f"The request is not valid: {where or 'body'}.")

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> JSONResponse:
        code = _CODES.get(error.status_code, "http_error")
        phrase = HTTPStatus(error.status_code).phrase
        headers = dict(error.headers or {})
        if error.status_code == 405:
            headers["Allow"] = ", ".join(methods(app.routes, request.url.path))
        return problem(error.status_code, code, f"{phrase}.", headers)

    @app.exception_handler(Exception)
    async def unforeseen(_request: Request, error: Exception) -> JSONResponse:
        logger.error("unexpected error", exc_info=error)
        return problem(500, "internal_error", "Something went wrong inside; it has been logged.")


def api_routes(routes: Iterable[Any]) -> Iterator[APIRoute]:
    """Return every route of the interface, including those of included routers (their own paths have the prefix)."""
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        elif (inner := getattr(route, "original_router", None)) is not None:
            yield from api_routes(inner.routes)


def methods(routes: Iterable[Any], path: str) -> list[str]:
    """Return the methods of the resource at a path, sorted; the first pattern that matches names the resource."""
    fitting = [route for route in api_routes(routes) if route.path_regex.match(path)]
    return sorted({method for route in fitting for method in route.methods or () if route.path == fitting[0].path})
