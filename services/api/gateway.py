"""What every route needs: the open ledger, store and queue, and the authenticated caller."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Annotated, Any
from urllib.parse import urlsplit

from celery import Celery
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import Connection

from services.api.metrics import Metrics
from services.api.on_request import FilesOnRequest
from services.api.page_session import PageSession
from services.api.tokens import Issuer
from services.api.views import Estimate
from services.api.watch import Watch
from shared import sandbox
from shared.errors import Forbidden, NotFound, Unauthorized
from shared.intake.instances import Intake
from shared.intake.limits import Limits
from shared.intake.room import Room
from shared.intake.turns import Turns
from shared.ledger import Ledger, api_keys, audit, open_ledger, pending_puts
from shared.settings import Settings
from shared.storage.base import Store
from shared.storage.connect import open_metered_store
from shared.worker.queue import make_app

COOKIE = "viscera_session"
_LOOPBACK_HOST = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?", re.ASCII | re.IGNORECASE)
_PROXY_HEADERS = {"forwarded", "via", "x-real-ip", "client-ip", "true-client-ip", "cf-connecting-ip"}
_SAFE = {"GET", "HEAD", "OPTIONS"}


@dataclass(frozen=True, slots=True)
class Gateway:
    """The open connections and counters of one gateway process."""

    settings: Settings
    ledger: Ledger
    store: Store
    queue: Celery
    watch: Watch
    limits: Limits
    estimate: Estimate
    metrics: Metrics
    room: Room
    files: FilesOnRequest
    issuer: Issuer | None = None
    turns: Turns = field(default_factory=Turns)
    page_session: PageSession = field(default_factory=PageSession)

    def sandboxed(self, tenant: str, name: str, seconds: float = sandbox.SECONDS, **arguments: Any) -> dict[str, Any]:
        """Run a function in the sandbox from a worker thread, when it is the tenant's turn.

        Raises TooMany where the tenant has too much of it under way, or what `sandbox.call` raises.
        """
        with self.turns.in_thread(tenant):
            return sandbox.call(name, seconds, **arguments)

    @property
    def intake(self) -> Intake:
        """Return where the instances of a tenant go."""
        return Intake("gateway", self.ledger, self.store, self.settings)

    @contextmanager
    def reading(self, caller: api_keys.Caller) -> Iterator[Connection]:
        """Open a read-only transaction on the rows of the caller's tenant."""
        with self.ledger.read(caller.tenant) as connection:
            yield connection

    @contextmanager
    def writing(self, caller: api_keys.Caller) -> Iterator[Connection]:
        """Open a transaction that may write, on the rows of the caller's tenant."""
        with self.ledger.write(caller.tenant) as connection:
            yield connection

    @contextmanager
    def announced(self, prefixes: Sequence[str]) -> Iterator[None]:
        """Announce store prefixes before bytes are put there; what the context does not settle is deleted."""
        with pending_puts.announced(self.ledger, prefixes, self.settings.lease_seconds, self.store.delete):
            yield

    def audit(self, caller: api_keys.Caller, action: str, target: str, *, outcome: str = "success") -> None:
        """Record the caller's action in a transaction of its own."""
        with self.writing(caller) as connection:
            audit.record(connection, caller.tenant, caller.key_id, action, target, outcome=outcome)


def open_gateway(settings: Settings) -> Gateway:
    """Open what the settings name."""
    ledger = open_ledger(settings.ledger_url)
    queue = make_app(settings.broker_url, answer_within=2.0)
    limits = Limits(settings.requests_per_minute, settings.uploads_at_once)
    store, metrics = open_metered_store(settings.store_url), Metrics()
    metrics.watch(ledger)
    issuer = Issuer(settings, ledger) if settings.oidc_issuer else None
    room, files = Room(ledger, store), FilesOnRequest(ledger, queue, settings.ring_seconds)
    return Gateway(settings, ledger, store, queue, Watch(ledger), limits, Estimate(), metrics, room, files, issuer)


def gateway_of(request: Request) -> Gateway:
    """Return the gateway of this application."""
    gateway: Gateway = request.app.state.gateway
    return gateway


GatewayDep = Annotated[Gateway, Depends(gateway_of)]


_bearer = HTTPBearer(auto_error=False, description="An API key, an access token, or a share link's token.")


def caller(
    request: Request,
    gateway: GatewayDep,
    _documented: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)] = None,
) -> api_keys.Caller:
    """Return the caller, by API key, token or session.

    Raises Unauthorized, or Forbidden for a request forged by another site's page.
    """
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    by_header = scheme.lower() == "bearer"
    if not by_header:
        key = request.cookies.get(COOKIE, "")
    if not key:
        raise Unauthorized(api_keys.REFUSED)
    authenticated = identify(gateway, key.strip(), address_of(request))
    if not by_header and request.method not in _SAFE and not _same_origin(request):
        raise Forbidden("A session may only be used from its own page.", "cross_site")
    gateway.limits.request(authenticated.tenant)
    request.state.caller = authenticated
    return authenticated


def address_of(request: Request) -> str:
    """Return the address of the client; behind a trusted proxy, the one that the proxy names."""
    return request.client.host if request.client is not None else ""


def identify(gateway: Gateway, key: str, address: str, *, is_ticket: bool = False) -> api_keys.Caller:
    """Return the caller of a key or token that came from an address.

    `is_ticket` says that it must be a ticket, which is a part of an address; everywhere else a ticket is no key.
    Raises Unauthorized, and TooMany for an address that sends one wrong key after another.
    """
    credential = api_keys.digest(key)
    gateway.limits.check_credential(address, credential)
    try:
        caller = _identified(gateway, key)
        if (caller.kind == "ticket") is not is_ticket:
            raise Unauthorized(api_keys.REFUSED)
    except Unauthorized:
        gateway.limits.note_credential(address, credential, valid=False)
        raise
    gateway.limits.note_credential(address, credential, valid=True)
    gateway.page_session.note_use(key)
    return caller


def _identified(gateway: Gateway, key: str) -> api_keys.Caller:
    if gateway.issuer is not None and (authenticated := gateway.issuer(key)) is not None:
        return authenticated
    with gateway.ledger.read() as connection:
        return api_keys.caller(connection, key)


Caller = Annotated[api_keys.Caller, Depends(caller)]


def check_scope(asking: api_keys.Caller, scope: str) -> None:
    """Raise Forbidden for a caller without the scope."""
    if scope not in asking.scopes:
        raise Forbidden(f"The key lacks the scope {scope}.", "insufficient_scope")


def needs(scope: str) -> Any:
    """Return a dependency that yields the caller.

    It raises Forbidden without the scope, and NotFound for a job that the key does not cover.
    """

    def allowed(request: Request, asking: Caller) -> api_keys.Caller:
        check_scope(asking, scope)
        if asking.job is not None and request.path_params.get("job_id", asking.job) != asking.job:
            raise NotFound("There is no such job.")
        return asking

    return Depends(allowed)


Reader = Annotated[api_keys.Caller, needs("jobs:read")]
Writer = Annotated[api_keys.Caller, needs("jobs:write")]
DicomReader = Annotated[api_keys.Caller, needs("dicom:read")]
DicomWriter = Annotated[api_keys.Caller, needs("dicom:write")]
Observer = Annotated[api_keys.Caller, needs("metrics:read")]
Admin = Annotated[api_keys.Caller, needs("admin")]


def is_direct_loopback(request: Request) -> bool:
    """Return whether a browser of this machine sent the request itself, to a loopback host.

    A foreign name that resolves to this machine is another site's page. A proxy shows by its headers, by the client's
    address that it forwards, or by HTTP/1.0, which nginx speaks to its servers and no browser does.
    """
    names = set(request.headers)
    if names & _PROXY_HEADERS or any(name.startswith("x-forwarded") for name in names):
        return False
    if request.client is None or request.scope.get("http_version") == "1.0":
        return False
    hosts = request.headers.getlist("host")
    return len(hosts) == 1 and bool(_LOOPBACK_HOST.fullmatch(hosts[0])) and _is_loopback(request.client.host)


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _same_origin(request: Request) -> bool:
    """Return whether the browser says that this page's own script sent the request; other clients send no such
    header.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = request.headers.get("origin")
    try:
        return origin is None or urlsplit(origin).netloc == request.headers.get("host", "")
    except ValueError:
        return False
