"""/v1/oauth/token: hospital systems authenticate with a signed assertion (SMART Backend Services, RFC 7523)."""

from __future__ import annotations

import time
from typing import Any, Literal
from urllib.parse import parse_qs

import jwt
from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from services.api import tokens
from services.api.gateway import Gateway, GatewayDep
from shared.errors import NotFound, VisceraError
from shared.ledger import api_keys, audit, clients

router = APIRouter(tags=["session"])
SECONDS = 300
_PATH = "/v1/oauth/token"
ALGORITHMS = ("RS384", "ES384", "RS256", "ES256")
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
Code = Literal["invalid_request", "invalid_client", "invalid_scope", "unsupported_grant_type"]
_KEYS: dict[str, tokens.KeySet] = {}


class Token(BaseModel):
    """An access token with its scopes and its lifetime in seconds."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the word of RFC 6750
    expires_in: int = SECONDS
    scope: str


class OAuthError(BaseModel):
    """Why there is no token (RFC 6749, 5.2)."""

    error: Code
    error_description: str


class Refused(Exception):
    """The token request is refused with a code of RFC 6749."""

    def __init__(self, code: Code, text: str) -> None:
        super().__init__(text)
        self.body = OAuthError(error=code, error_description=text)


class SmartConfiguration(BaseModel):
    """The document that SMART App Launch 2.2 requires at `.well-known/smart-configuration`."""

    issuer: str
    token_endpoint: str
    grant_types_supported: list[str] = ["client_credentials"]
    token_endpoint_auth_methods_supported: list[str] = ["private_key_jwt"]
    token_endpoint_auth_signing_alg_values_supported: list[str] = list(ALGORITHMS)
    scopes_supported: list[str] = list(api_keys.SCOPES)
    capabilities: list[str] = ["client-confidential-asymmetric"]
    code_challenge_methods_supported: list[str] = ["S256"]


FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/x-www-form-urlencoded": {"schema": {"type": "object", "properties": {
            name: {"type": "string"} for name in ("grant_type", "scope", "client_assertion_type", "client_assertion")
        }}}},
    }
}  # fmt: skip


@router.get("/.well-known/smart-configuration")
def smart_configuration(gateway: GatewayDep) -> SmartConfiguration:
    """Return where and how hospital systems authenticate.

    Raises NotFound without a public address in the settings.
    """
    endpoint = _endpoint(gateway)
    return SmartConfiguration(issuer=endpoint.removesuffix(_PATH), token_endpoint=endpoint)


@router.post(
    _PATH,
    response_model=Token,
    openapi_extra=FORM,
    responses={400: {"model": OAuthError}, 401: {"model": OAuthError}},
)
async def give_token(request: Request, gateway: GatewayDep) -> JSONResponse:
    """Return a token for five minutes to a registered system that signed the assertion.

    Raises NotFound without a public address in the settings.
    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > 1 << 16:
            break
    headers = {"Cache-Control": "no-store"}
    try:
        token = await run_in_threadpool(_token, gateway, _form(body), _endpoint(gateway))
    except Refused as error:
        status = 401 if error.body.error == "invalid_client" else 400
        return JSONResponse(error.body.model_dump(), status, headers)
    return JSONResponse(token.model_dump(), 200, headers)


def _token(gateway: Gateway, form: dict[str, str], endpoint: str) -> Token:
    if form.get("grant_type") != "client_credentials":
        raise Refused("unsupported_grant_type", "Only client_credentials is supported.")
    if form.get("client_assertion_type") != ASSERTION or not form.get("client_assertion"):
        raise Refused("invalid_request", "A client_assertion of type jwt-bearer is needed.")
    client, claims = _client(gateway, form["client_assertion"], endpoint)
    requested_scopes = set(form.get("scope", "").split()) or set(client.scopes)
    if not requested_scopes <= set(client.scopes):
        raise Refused("invalid_scope", "The client may not have every scope that it asks for.")
    key = api_keys.new_key("token")
    with gateway.ledger.write(client.tenant) as connection:
        if not clients.first_use(connection, client.id, str(claims["jti"])[:64], float(claims["exp"]) + tokens.LEEWAY):
            raise Refused("invalid_client", "The assertion was used before.")
        key_id = api_keys.add_key(
            connection, key, client.tenant, name=client.id, scopes=requested_scopes, kind="token", seconds=SECONDS
        )
        audit.record(connection, client.tenant, client.id, "sign_in", key_id)
    return Token(access_token=key, scope=" ".join(sorted(requested_scopes)))


def _client(gateway: Gateway, assertion: str, endpoint: str) -> tuple[clients.Client, dict[str, Any]]:
    """Return the client that signed the assertion, and its claims; every error gets the same answer."""
    refused = Refused("invalid_client", "The assertion is not valid here.")
    try:
        unverified = jwt.decode(assertion, options={"verify_signature": False})
        issuer = str(unverified.get("iss", ""))
        if not issuer.isprintable():
            raise refused
        with gateway.ledger.read() as connection:
            client = clients.get(connection, issuer)
        claims = tokens.decode(assertion, _key(client, assertion), ALGORITHMS, endpoint, client.id)
    except (VisceraError, jwt.PyJWTError) as error:
        raise refused from error
    lasts = float(claims["exp"]) - min(float(claims.get("iat", time.time())), time.time())
    if claims["sub"] != client.id or not claims.get("jti") or lasts > SECONDS + tokens.LEEWAY:
        raise refused
    return client, claims


def _key(client: clients.Client, assertion: str) -> jwt.PyJWK:
    if client.jwks is not None:
        kid = str(jwt.get_unverified_header(assertion).get("kid", ""))
        found = tokens.keys(client.jwks).get(kid)
        if found is None:
            raise jwt.InvalidKeyError
        return found
    url = client.jwks_url or ""
    return _KEYS.setdefault(url, tokens.KeySet(url)).key(assertion)


def _form(body: bytes) -> dict[str, str]:
    try:
        found = parse_qs(body.decode("ascii"), max_num_fields=20)
    except ValueError as error:
        raise Refused("invalid_request", "The form can't be read.") from error
    return {name: values[0] for name, values in found.items()}


def _endpoint(gateway: Gateway) -> str:
    """Return the audience of assertions; never from the request, whose Host may be that of another server."""
    if gateway.settings.public_url is None:
        raise NotFound("No public address is configured (VISCERA_PUBLIC_URL).")
    return gateway.settings.public_url.rstrip("/") + _PATH
