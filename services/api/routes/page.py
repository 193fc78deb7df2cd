"""/: the built web application, and the two routes that only it needs."""

from __future__ import annotations

import gzip
import io
import mimetypes
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import nibabel as nib
from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from services.api.gateway import Gateway, GatewayDep, Reader, is_direct_loopback
from services.api.routes.session import create_session, has_session, set_cookie
from shared.errors import NotFound, Unauthorized
from shared.imaging.phantoms import abdomen
from shared.ledger import api_keys

router = APIRouter(include_in_schema=False)
ABSENT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Viscera</title>
<body><main><h1>Viscera</h1><p>The service is running, but its web application was not built: start it with
<code>viscera serve</code> where Node and the npm registry are at hand, or use the interface described in
<a href="/openapi.json">openapi.json</a>.</p></main></body></html>"""
_PACKED = {".html", ".js", ".css", ".svg", ".json"}
_FOREVER = "public, max-age=31536000, immutable"


class About(BaseModel):
    """What the page can't know by itself; the address for other browsers is only for signed-in callers."""

    version: str
    signed_in: bool
    public_url: str | None


@dataclass(frozen=True, slots=True)
class File:
    """One built file: its content, its compressed content (None where compression saves nothing), its type and its
    ETag.
    """

    plain: bytes
    packed: bytes | None
    kind: str
    etag: str


@router.api_route("/", methods=["GET", "HEAD"], response_class=Response)
def page(request: Request, gateway: GatewayDep) -> Response:
    """Return the application; on a loopback address this opens a session."""
    web = gateway.settings.web
    try:
        response = _answer(request, _file(web / "index.html"), "no-cache") if web else HTMLResponse(ABSENT)
    except OSError:
        response = HTMLResponse(ABSENT)
    if gateway.settings.loopback and is_direct_loopback(request) and not has_session(request, gateway):
        set_cookie(response, gateway.page_session.get(partial(_create, gateway), partial(_is_valid, gateway)), request)
    return _secured(response, gateway)


def _create(gateway: Gateway) -> str:
    with gateway.ledger.write("default") as connection:
        holder = api_keys.loopback(connection, "default")
    return create_session(gateway, holder)


def _is_valid(gateway: Gateway, key: str) -> bool:
    with suppress(Unauthorized), gateway.ledger.read() as connection:
        return api_keys.caller(connection, key).kind == "session"
    return False


@router.get("/favicon.svg", response_class=Response)
def favicon(request: Request, gateway: GatewayDep) -> Response:
    """Return the application's icon."""
    return _built(request, gateway, "favicon.svg", "public, max-age=86400")


@router.get("/assets/{name}", response_class=Response)
def asset(name: str, request: Request, gateway: GatewayDep) -> Response:
    """Return a script or style; its name contains the hash of its content."""
    return _built(request, gateway, f"assets/{name}", _FOREVER)


@router.get("/web.json")
def about(request: Request, gateway: GatewayDep) -> About:
    """Return whether this browser has a session, without an error if it has none; also version and address."""
    known = has_session(request, gateway)
    url = gateway.settings.public_url if known else None
    return About(version=version("viscera"), signed_in=known, public_url=url)


@router.get("/sample.nii.gz", response_class=Response)
def sample(caller: Reader) -> Response:
    """Return a computed scan to learn with; it has no patient data."""
    del caller
    return Response(_sample(), media_type="application/gzip", headers={"Cache-Control": "private, max-age=3600"})


@lru_cache(maxsize=1)
def _sample() -> bytes:
    volume = abdomen().volume
    image = nib.Nifti1Image(volume.data.T, volume.geometry.ras)
    target = io.BytesIO()
    with gzip.GzipFile(fileobj=target, mode="wb", mtime=0) as file:
        file.write(image.to_bytes())
    return target.getvalue()


def _built(request: Request, gateway: Gateway, name: str, caching: str) -> Response:
    web = gateway.settings.web
    path = None if web is None else (web / name).resolve()
    if web is None or path is None or not path.is_file() or not path.is_relative_to(web.resolve()):
        raise NotFound("There is no such file.")
    return _secured(_answer(request, _file(path), caching), gateway)


@lru_cache(maxsize=64)
def _file(path: Path) -> File:
    plain = path.read_bytes()
    packed = gzip.compress(plain, 9, mtime=0) if path.suffix in _PACKED else None
    kind = "text/javascript" if path.suffix == ".js" else mimetypes.guess_type(path.name)[0]
    return File(plain, packed, kind or "application/octet-stream", f'"{sha256(plain).hexdigest()[:32]}"')


def _answer(request: Request, file: File, caching: str) -> Response:
    headers = {"ETag": file.etag, "Cache-Control": caching, "Vary": "Accept-Encoding"}
    if file.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    body = file.plain
    if file.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        body, headers["Content-Encoding"] = file.packed, "gzip"
    return Response(body, headers=headers, media_type=file.kind)


def _secured(response: Response, gateway: Gateway) -> Response:
    """Return the headers that let the page load only from this origin; parts of uploads may go to the store's
    origin.
    """
    bucket = _bucket_origin(gateway.settings.store_url)
    policy = {
        "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self' blob: data:",
        "connect-src": f"'self' blob: data: {bucket}".strip(), "worker-src": "'self'", "font-src": "'self'",
        "base-uri": "'none'", "form-action": "'self'", "frame-ancestors": "'none'", "object-src": "'none'",
    }  # fmt: skip
    response.headers["Content-Security-Policy"] = "; ".join(f"{name} {value}" for name, value in policy.items())
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.headers["Permissions-Policy"] = "xr-spatial-tracking=(self), camera=(), microphone=(), geolocation=()"
    return response


def _bucket_origin(store_url: str) -> str:
    """Return the origin to which a browser sends parts, for an S3 store with a public address; else an empty text."""
    if not store_url.startswith("s3:"):
        return ""
    endpoint = urlsplit(parse_qs(urlsplit(store_url).query).get("endpoint", [""])[0])
    return f"{endpoint.scheme}://{endpoint.netloc}" if endpoint.netloc else "https://*.amazonaws.com"
