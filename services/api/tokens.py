"""JSON Web Tokens of an OpenID Connect issuer and of hospital systems, checked against published keys.

Algorithms are pinned; issuer and audience are compared. Keys are found by their id and fetched again after a rotation,
at most every half minute (RFC 7519, RFC 7517, RFC 8725).
"""

from __future__ import annotations

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
_TENANT = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$")
REFUSED = "The token is not valid here."


@dataclass(slots=True)
class KeySet:
    """The keys published at a URL, cached until an unknown key id is needed."""

    url: str
    _keys: dict[str, jwt.PyJWK] = field(default_factory=dict)
    _at: float = float("-inf")
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def key(self, token: str) -> jwt.PyJWK:
        """Return the key that signed a token.

        Raises Unauthorized if the issuer publishes no key with its id.
        """
        kid = str(_header(token).get("kid", ""))
        with self._lock:
            if kid not in self._keys and time.monotonic() - self._at > REFRESH:
                self._keys, self._at = keys(fetch(self.url)), time.monotonic()
            key_object = self._keys.get(kid)
        if key_object is None:
            raise Unauthorized(REFUSED)
        return key_object


@dataclass(slots=True)
class Issuer:
    """An OpenID Connect issuer: turns its tokens into callers."""

    settings: Settings
    ledger: Ledger
    _about: dict[str, Any] | None = None
    _keys: KeySet | None = None
    _tenants: set[str] = field(default_factory=set)

    def __call__(self, token: str) -> api_keys.Caller | None:
        """Return the caller of an access token; None for what is not a JSON Web Token.

        Raises Unauthorized.
        """
        if token.count(".") != 2:
            return None
        return self.caller(self.claims(token, self.settings.oidc_audience))

    def about(self) -> dict[str, Any]:
        """Return the issuer's discovery document (OpenID Connect Discovery 1.0).

        Raises Unavailable.
        """
        if self._about is None:
            document = fetch(self.settings.oidc_issuer.rstrip("/") + "/.well-known/openid-configuration")
            if document.get("issuer") != self.settings.oidc_issuer:
                raise Unavailable("The identity provider is not the configured one.", "issuer_unavailable")
            self._about, self._keys = document, KeySet(str(document["jwks_uri"]))
        return self._about

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
        if not _TENANT.match(tenant):
            raise Unauthorized(REFUSED)
        if tenant not in self._tenants:
            with self.ledger.write() as connection:
                jobs.ensure_tenant(connection, tenant)
            self._tenants.add(tenant)
        listed = claims.get(self.settings.oidc_scope_claim, "")
        names = {str(name).rpartition("/")[2] for name in (listed.split() if isinstance(listed, str) else listed)}
        actor = f"oidc:{claims['sub']}"[:100]
        scopes = frozenset(names & set(api_keys.SCOPES))
        return api_keys.Caller(actor, tenant, scopes, name="", kind="oidc", expires=float(claims["exp"]))


def decode(token: str, key: jwt.PyJWK, algorithms: Sequence[str], audience: str, issuer: str) -> dict[str, Any]:
    """Verify a token with one key.

    Raises Unauthorized, without saying what was wrong.
    """
    try:
        claims: dict[str, Any] = jwt.decode(
            token, key.key, algorithms=list(algorithms), audience=audience, issuer=issuer, leeway=LEEWAY,
            options={"require": ["exp", "iss", "aud", "sub"]},
        )  # fmt: skip
    except (jwt.PyJWTError, TypeError, ValueError) as error:
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


def fetch(url: str) -> dict[str, Any]:
    """Return a small JSON document over HTTP.

    Raises Unavailable.
    """
    try:
        response = httpx.get(url, timeout=5.0, follow_redirects=False)
        response.raise_for_status()
        document: dict[str, Any] = response.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise Unavailable("The identity provider is not available.", "issuer_unavailable") from error
    return document


def _header(token: str) -> dict[str, Any]:
    try:
        header: dict[str, Any] = jwt.get_unverified_header(token)
    except jwt.PyJWTError as error:
        raise Unauthorized(REFUSED) from error
    return header
