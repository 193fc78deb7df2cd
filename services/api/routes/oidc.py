"""/v1/session/oidc: a browser signs in at the hospital's identity provider (authorization code with PKCE)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse
from pydantic import BaseModel

from services.api.gateway import Gateway, GatewayDep
from services.api.routes.session import open_session
from services.api.tokens import Issuer, fetch
from shared.errors import BadRequest, NotFound, Unauthorized

router = APIRouter(prefix="/v1/session/oidc", tags=["session"])
COOKIE = "viscera_oidc"
SECONDS = 600
_AWAY: dict[int | str, dict[str, Any]] = {307: {"description": "On to the next page."}}


class Offer(BaseModel):
    """Whether there is an identity provider, and where its sign-in begins."""

    enabled: bool
    login: str | None


@router.get("")
def offer(gateway: GatewayDep) -> Offer:
    """Return whether the page should offer sign-in at an identity provider."""
    enabled = bool(gateway.settings.oidc_client)
    return Offer(enabled=enabled, login="/v1/session/oidc/login" if enabled else None)


@router.get("/login", response_class=RedirectResponse, responses=_AWAY)
def login(request: Request, gateway: GatewayDep) -> RedirectResponse:
    """Redirect the browser to the identity provider."""
    issuer = _issuer(gateway)
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code", "client_id": gateway.settings.oidc_client, "redirect_uri": _back(request),
        "scope": gateway.settings.oidc_ask, "state": state, "nonce": nonce, "code_challenge": challenge,
        "code_challenge_method": "S256",
    }  # fmt: skip
    response = RedirectResponse(f"{issuer.about()['authorization_endpoint']}?{urlencode(query)}")
    cookie = ".".join((state, nonce, verifier))
    secure = request.url.scheme == "https"
    response.set_cookie(
        COOKIE, cookie, max_age=SECONDS, httponly=True, samesite="lax", secure=secure, path=router.prefix
    )
    return response


@router.get("/callback", response_class=RedirectResponse, responses=_AWAY)
def callback(
    request: Request,
    gateway: GatewayDep,
    code: Annotated[str, Query(max_length=4096)] = "",
    state: Annotated[str, Query(max_length=200)] = "",
) -> RedirectResponse:
    """Receive the browser from the identity provider, open a session and show the page."""
    issuer = _issuer(gateway)
    cookie = request.cookies.get(COOKIE, "").split(".")
    if len(cookie) != 3 or not state or not hmac.compare_digest(cookie[0], state):
        raise BadRequest("The sign-in did not start here; start it again.", "bad_state")
    tokens = _exchange(gateway, issuer, code, cookie[2], _back(request))
    claims = issuer.claims(str(tokens.get("id_token", "")), gateway.settings.oidc_client)
    if not hmac.compare_digest(str(claims.get("nonce", "")), cookie[1]):
        raise Unauthorized("The sign-in is not the one that began here.")
    response = RedirectResponse("/")
    # The sign-in itself is the credential: an ID token's end says only how long it may be presented.
    person = replace(issuer.caller(claims), kind="person", expires=None)
    open_session(gateway, person, request, response)
    response.delete_cookie(COOKIE, path=router.prefix)
    return response


def _exchange(gateway: Gateway, issuer: Issuer, code: str, verifier: str, back: str) -> dict[str, Any]:
    form = {
        "grant_type": "authorization_code", "code": code, "redirect_uri": back, "code_verifier": verifier,
        "client_id": gateway.settings.oidc_client,
    }  # fmt: skip
    if gateway.settings.oidc_secret is not None:
        form["client_secret"] = gateway.settings.oidc_secret.get_secret_value()
    refused = "The identity provider did not confirm the sign-in."
    return fetch(issuer.about()["token_endpoint"], form, refused)


def _issuer(gateway: Gateway) -> Issuer:
    if gateway.issuer is None or not gateway.settings.oidc_client:
        raise NotFound("No identity provider is configured.")
    return gateway.issuer


def _back(request: Request) -> str:
    return str(request.url.replace(path=router.prefix + "/callback", query=""))
