"""JSON Web Tokens of an OpenID Connect issuer and of hospital systems, checked against published keys.

Algorithms are pinned; issuer and audience are compared. Keys are found by their id and fetched again after a rotation
and every ten minutes, at most every half minute (RFC 7519, RFC 7517, RFC 8725). A fetch that failed is remembered, and
only one request at a time waits for a fetch.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import jwt

from shared.errors import Unauthorized, Unavailable
from shared.ledger import Ledger, api_keys, jobs
from shared.settings import Settings

LEEWAY = 30.0
REFRESH = 30.0
MAX_AGE = 600.0
"""Seconds after which a key that the issuer no longer publishes ends."""
STALE = 3600.0
"""Seconds for which known keys are used while the issuer is not available."""
DEADLINE = 5.0
"""Seconds that a whole fetch may take."""
LARGEST = 1 << 20
LATEST = 10 * 366 * 86400.0
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
_ID_TOKEN = {"nonce", "at_hash", "c_hash"}
"""Claims of an ID token, which is for the client that asked for it and no key to an interface."""
REFUSED = "The token is not valid here."


@dataclass(slots=True)
class Document:
    """A JSON document at a URL that one thread at a time fetches; the others use the copy that is there.

    A failure is remembered for half a minute, so that a server that hangs costs one request, not every thread.
    """

    url: str
    content: dict[str, Any] | None = None
    at: float = float("-inf")
    _tried: float = float("-inf")
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, *, again: bool = False) -> dict[str, Any]:
        """Return the document; `again` fetches it again if the last fetch was half a minute ago.

        Raises Unavailable without a copy.
        """
        if (self.content is None or again) and self._lock.acquire(blocking=False):
            try:
                self._refresh()
            finally:
                self._lock.release()
        if self.content is None:
            raise Unavailable("The identity provider is not available.", "issuer_unavailable")
        return self.content

    def _refresh(self) -> None:
        if time.monotonic() - self._tried <= REFRESH:
            return
        try:
            self.content, self.at = fetch(self.url), time.monotonic()
        except Unavailable:
            if self.content is None:
                raise
        finally:
            self._tried = time.monotonic()


@dataclass(slots=True)
class KeySet:
    """The keys published at a URL, fetched again for an unknown key id and when they are old."""

    url: str
    _document: Document = field(init=False)
    _parsed: tuple[dict[str, Any], dict[str, jwt.PyJWK]] = field(default_factory=lambda: ({}, {}))

    def __post_init__(self) -> None:
        self._document = Document(self.url)

    def key(self, token: str) -> jwt.PyJWK:
        """Return the key that signed a token.

        Raises Unauthorized if the issuer publishes no key with its id, Unavailable if the keys are not available.
        """
        kid = str(_header(token).get("kid", ""))
        published = self._published(self._document.get())
        if kid not in published or time.monotonic() - self._document.at > MAX_AGE:
            published = self._published(self._document.get(again=True))
            if time.monotonic() - self._document.at > STALE:
                raise Unavailable("The identity provider is not available.", "issuer_unavailable")
        if kid not in published:
            raise Unauthorized(REFUSED)
        return published[kid]

    def _published(self, document: dict[str, Any]) -> dict[str, jwt.PyJWK]:
        if self._parsed[0] is not document:
            self._parsed = document, keys(document)
        return self._parsed[1]


@dataclass(slots=True)
class Issuer:
    """An OpenID Connect issuer: turns its tokens into callers."""

    settings: Settings
    ledger: Ledger
    _document: Document = field(init=False)
    _keys: KeySet | None = None
    _tenants: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._document = Document(self.settings.oidc_issuer.rstrip("/") + "/.well-known/openid-configuration")

    def __call__(self, token: str) -> api_keys.Caller | None:
        """Return the caller of an access token; None for what is not a JSON Web Token.

        Raises Unauthorized.
        """
        if token.count(".") != 2:
            return None
        claims = self.claims(token, self.settings.oidc_audience)
        if _ID_TOKEN & set(claims) or claims.get("typ") == "ID":
            raise Unauthorized(REFUSED)
        return self.caller(claims)

    def about(self) -> dict[str, Any]:
        """Return the issuer's discovery document (OpenID Connect Discovery 1.0).

        Raises Unavailable.
        """
        document = self._document.get()
        if document.get("issuer") != self.settings.oidc_issuer or "jwks_uri" not in document:
            self._document.content = None  # asked again after half a minute
            raise Unavailable("The identity provider is not the configured one.", "issuer_unavailable")
        if self._keys is None:
            self._keys = KeySet(str(document["jwks_uri"]))
        return document

    def claims(self, token: str, audience: str) -> dict[str, Any]:
        """Return a token's claims once signature, issuer, audience and times are verified.

        Raises Unauthorized.
        """
        self.about()
        assert self._keys is not None  # noqa: S101 - set together
        algorithms = [name.strip() for name in self.settings.oidc_algorithms.split(",")]
        return decode(token, self._keys.key(token), algorithms, audience, self.settings.oidc_issuer)

    def caller(self, claims: Mapping[str, Any]) -> api_keys.Caller:
        """Return the caller of verified claims.

        Raises Unauthorized where there is no usable tenant.
        """
        tenant = str(claims.get(self.settings.oidc_tenant_claim) or self.settings.oidc_tenant)
        if not _TENANT.fullmatch(tenant) or not str(claims["sub"]).isprintable():
            raise Unauthorized(REFUSED)
        if tenant not in self._tenants:
            with self.ledger.write() as connection:
                jobs.ensure_tenant(connection, tenant)
            self._tenants.add(tenant)
        actor = f"oidc:{claims['sub']}"[:100]
        expires = min(float(claims["exp"]), time.time() + LATEST)
        return api_keys.Caller(actor, tenant, self._scopes(claims), name="", kind="oidc", expires=expires)

    def _scopes(self, claims: Mapping[str, Any]) -> frozenset[str]:
        """Return our scopes among those claimed; a prefix must be the audience, so other services' do not count."""
        listed = claims.get(self.settings.oidc_scope_claim)
        names = listed.split() if isinstance(listed, str) else listed if isinstance(listed, list) else []
        own = self.settings.oidc_audience.rstrip("/") + "/"
        return frozenset({str(name).removeprefix(own) for name in names} & set(api_keys.SCOPES))


def decode(token: str, key: jwt.PyJWK, algorithms: Sequence[str], audience: str, issuer: str) -> dict[str, Any]:
    """Verify a token with one key.

    Raises Unauthorized, without saying what was wrong.
    """
    try:
        claims: dict[str, Any] = jwt.decode(
            token, key.key, algorithms=list(algorithms), audience=audience, issuer=issuer, leeway=LEEWAY,
            options={"require": ["exp", "iss", "aud", "sub"]},
        )  # fmt: skip
    except (jwt.PyJWTError, TypeError, ValueError, OverflowError) as error:
        raise Unauthorized(REFUSED) from error
    return claims


def keys(key_set: Mapping[str, Any]) -> dict[str, jwt.PyJWK]:
    """Return the signing keys of a key set by their id; shared secrets and encryption keys are skipped."""
    usable = {}
    for entry in key_set.get("keys", []):
        if entry.get("kty") == "oct" or entry.get("use", "sig") != "sig":
            continue
        try:
            usable[str(entry.get("kid", ""))] = jwt.PyJWK(entry)
        except jwt.PyJWTError:
            continue
    return usable


def fetch(url: str, form: Mapping[str, str] | None = None, refused: str | None = None) -> dict[str, Any]:
    """Return a JSON object of at most 1 MiB over HTTP, received within five seconds as a whole; a `form` is posted.

    Raises Unavailable, or Unauthorized with the sentence `refused`, if there is one, for a status other than 200.
    """
    try:
        status, content = asyncio.run(_fetch(url, form))
        if status != 200 and refused is not None:
            raise Unauthorized(refused)
        document = json.loads(content) if status == 200 else None
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError) as error:
        raise Unavailable("The identity provider is not available.", "issuer_unavailable") from error
    if not isinstance(document, dict):
        raise Unavailable("The identity provider is not available.", "issuer_unavailable")
    return document


async def _fetch(url: str, form: Mapping[str, str] | None) -> tuple[int, bytes]:
    method, content = "GET" if form is None else "POST", b""
    async with (
        asyncio.timeout(DEADLINE),  # timeouts of httpx are for each read: a server that sends slowly has no end
        httpx.AsyncClient(timeout=DEADLINE, follow_redirects=False) as client,
        client.stream(method, url, data=form) as response,
    ):
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > LARGEST:
                raise ValueError("the document is too long")
        return response.status_code, content


def _header(token: str) -> dict[str, Any]:
    try:
        header: dict[str, Any] = jwt.get_unverified_header(token)
    except jwt.PyJWTError as error:
        raise Unauthorized(REFUSED) from error
    return header
