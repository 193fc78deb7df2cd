"""What every route needs: the ledger, the store, the queue and who is asking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from celery import Celery
from fastapi import Depends, Request

from shared.errors import Unauthorized
from shared.ledger import Ledger, access
from shared.settings import Settings
from shared.store import Store

COOKIE = "viscera_session"
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True, slots=True)
class Context:
    """The open connections of one gateway process."""

    settings: Settings
    ledger: Ledger
    store: Store
    queue: Celery


def context(request: Request) -> Context:
    """The gateway's connections."""
    held: Context = request.app.state.context
    return held


Connections = Annotated[Context, Depends(context)]


def caller(request: Request, connections: Connections) -> access.Caller:
    """Who is asking, by API key or session; raises Unauthorized."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        key = request.cookies.get(COOKIE, "")
    if not key:
        raise Unauthorized("A valid API key is needed: Authorization: Bearer <key>.")
    with connections.ledger.read() as connection:
        return access.caller(connection, key.strip())


Caller = Annotated[access.Caller, Depends(caller)]


def asked_on_loopback(request: Request) -> bool:
    """Whether the request names a loopback host: a foreign name that points here is somebody else's page."""
    return urlsplit(f"//{request.headers.get('host', '')}").hostname in _LOOPBACK
