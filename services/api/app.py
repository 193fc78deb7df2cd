"""The gateway as an ASGI application."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from pydantic import SecretStr
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api import dicomweb, monailabel, problems, schemas, spool
from services.api.bounds import Bounds
from services.api.gateway import open_gateway
from services.api.headers import SafeHeaders
from services.api.metrics import Metrics
from services.api.readings import Readings
from services.api.routes import ROUTERS
from shared import scratch
from shared.ledger import api_keys
from shared.settings import Settings, settings

logger = logging.getLogger("viscera.api")
RESPONSES: dict[int | str, dict[str, object]] = {
    code: {"model": schemas.Problem, "content": {problems.MEDIA_TYPE: {}}}
    for code in (400, 401, 403, 404, 409, 413, 415, 422, 429, 503)
}


def create_app(chosen: Settings | None = None) -> FastAPI:
    """Return the gateway on the ledger, store and broker that the settings name."""
    chosen_settings = chosen or settings()
    keys = _operator_keys(chosen_settings)
    gateway = open_gateway(chosen_settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(spool.sweep, chosen_settings.spool)
        await run_in_threadpool(scratch.sweep)
        for name, (key, scopes) in keys.items():
            with gateway.ledger.write() as connection:
                api_keys.set_operator_key(connection, key, "default", name=name, scopes=scopes)
        yield
        gateway.ledger.close()

    app = FastAPI(
        title="Viscera",
        version=version("viscera"),
        summary="Abdominal scans in, organs out.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,  # routes/reference.py has a page that needs no other server
    )
    app.state.gateway = gateway
    problems.install(app)
    # The last one has a pattern for every file of a job.
    for router in (*dicomweb.ROUTERS, *monailabel.ROUTERS, *ROUTERS):
        app.include_router(router, responses=RESPONSES)
    app.add_middleware(Readings, gateway=gateway)
    app.add_middleware(Bounds, routes=app.routes)
    app.add_middleware(SafeHeaders)
    app.add_middleware(AccessLog, metrics=gateway.metrics)
    return app


def _operator_keys(chosen: Settings) -> dict[str, tuple[str, Sequence[str]]]:
    """Return the keys of the settings and their scopes by name.

    Raises VisceraError for a weak one.
    """
    named: dict[str, tuple[SecretStr | None, Sequence[str]]]
    named = {"": (chosen.key, api_keys.SCOPES), "metrics": (chosen.metrics_key, ("metrics:read",))}
    values = {name: (key.get_secret_value().strip() if key else "", scopes) for name, (key, scopes) in named.items()}
    keys = {name: (key, scopes) for name, (key, scopes) in values.items() if key}
    for name, (key, _) in keys.items():
        api_keys.check_strength(key, "VISCERA_METRICS_KEY" if name else "VISCERA_KEY")
    return keys


class AccessLog:
    """Logs and counts method, route, status and time; never path values, the query or a file name."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and log its result."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.monotonic(), 0

        async def watch(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        await self.app(scope, receive, watch)
        route = getattr(scope.get("route"), "path", "unknown")
        seconds = time.monotonic() - started
        self.metrics.requests.labels(scope["method"], route, status).inc()
        self.metrics.seconds.labels(route).observe(seconds)
        about = {"method": scope["method"], "route": route, "status": status, "ms": round(seconds * 1000, 1)}
        if (caller := scope.get("state", {}).get("caller")) is not None:
            about["tenant"] = caller.tenant
        logger.info("request", extra=about)
