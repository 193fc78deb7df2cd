"""/v1/session/oidc: a browser's sign-in at the hospital's identity provider (authorization code with PKCE)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import Annotated, Any
from urllib.parse import urlencode

import httpx
from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse
from pydantic import BaseModel

from services.api.gateway import Connections, Context
from services.api.routes.session import open_session
from services.api.tokens import Issuer
from shared.errors import BadRequest, NotFound, Unauthorized, Unavailable

router = APIRouter(prefix="/v1/session/oidc", tags=["session"])
COOKIE = "viscera_oidc"
SECONDS = 600
_AWAY: dict[int | str, dict[str, Any]] = {307: {"description": "On to the next page."}}


class Offer(BaseModel):
    """Whether there is an identity provider, and where its sign-in begins."""

    enabled: bool
    login: str | None


@router.get("")
def offer(connections: Connections) -> Offer:
    """Whether the page should offer sign-in at an identity provider."""
    enabled = bool(connections.settings.oidc_client)
    return Offer(enabled=enabled, login="/v1/session/oidc/login" if enabled else None)


@router.get("/login", response_class=RedirectResponse, responses=_AWAY)
def login(request: Request, connections: Connections) -> RedirectResponse:
    """Sends the browser to the identity provider."""
    issuer = _issuer(connections)
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "response_type": "code", "client_id": connections.settings.oidc_client, "redirect_uri": _back(request),
        "scope": connections.settings.oidc_ask, "state": state, "nonce": nonce, "code_challenge": challenge,
        "code_challenge_method": "S256",
    }  # fmt: skip
    answer = RedirectResponse(f"{issuer.about()['authorization_endpoint']}?{urlencode(asked)}")
    kept = ".".join((state, nonce, verifier))
    secure = request.url.scheme == "https"
    answer.set_cookie(COOKIE, kept, max_age=SECONDS, httponly=True, samesite="lax", secure=secure, path=router.prefix)
    return answer


@router.get("/callback", response_class=RedirectResponse, responses=_AWAY)
def callback(
    request: Request,
    connections: Connections,
    code: Annotated[str, Query(max_length=4096)] = "",
    state: Annotated[str, Query(max_length=200)] = "",
) -> RedirectResponse:
    """Takes the browser back, opens a session and shows the page."""
    issuer = _issuer(connections)
    kept = request.cookies.get(COOKIE, "").split(".")
    if len(kept) != 3 or not state or not hmac.compare_digest(kept[0], state):
        raise BadRequest("The sign-in did not begin here; begin it again.", "bad_state")
    told = _exchange(connections, issuer, code, kept[2], _back(request))
    claims = issuer.claims(str(told.get("id_token", "")), connections.settings.oidc_client)
    if not hmac.compare_digest(str(claims.get("nonce", "")), kept[1]):
        raise Unauthorized("The sign-in is not the one that began here.")
    answer = RedirectResponse("/")
    open_session(connections, issuer.caller(claims), request, answer)
    answer.delete_cookie(COOKIE, path=router.prefix)
    return answer


def _exchange(context: Context, issuer: Issuer, code: str, verifier: str, back: str) -> dict[str, Any]:
    form = {
        "grant_type": "authorization_code", "code": code, "redirect_uri": back, "code_verifier": verifier,
        "client_id": context.settings.oidc_client,
    }  # fmt: skip
    if context.settings.oidc_secret is not None:
        form["client_secret"] = context.settings.oidc_secret.get_secret_value()
    try:
        answer = httpx.post(issuer.about()["token_endpoint"], data=form, timeout=10.0, follow_redirects=False)
        told: dict[str, Any] = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise Unavailable("The identity provider can't be reached.", "issuer_unavailable") from error
    if answer.status_code != 200:
        raise Unauthorized("The identity provider did not confirm the sign-in.")
    return told


def _issuer(context: Context) -> Issuer:
    if context.issuer is None or not context.settings.oidc_client:
        raise NotFound("There is no identity provider here.")
    return context.issuer


def _back(request: Request) -> str:
    return str(request.url.replace(path=router.prefix + "/callback", query=""))
