"""The audit trail of readings and refusals: one place for every route, before the first byte leaves."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field

from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api import problems
from services.api.gateway import Gateway
from shared.errors import VisceraError
from shared.ledger import api_keys

logger = logging.getLogger("viscera.api")
NO_CONTENT = {
    "/v1/jobs", "/v1/jobs/{job_id}", "/v1/jobs/{job_id}/events", "/v1/jobs/{job_id}/shares", "/v1/dicom/deliveries",
    "/v1/dicom/destinations",
    "/v1/uploads/{upload_id}", "/v1/models", "/v1/session", "/v1/keys", "/v1/audit", "/v1/webhooks",
    "/v1/webhooks/{webhook_id}/deliveries", "/metrics", "/sample.nii.gz",
}  # fmt: skip
"""Routes that show nothing of a scan or a patient. Readings of all others are recorded, also of routes to come."""
TOGETHER = 60.0
"""Seconds in which equal readings are one record, such as the slices that somebody pages through."""
_REFUSED = {403, 404}
_OBJECTS = ("job_id", "workitem", "study", "scan_id", "upload_id", "key_id", "webhook_id")
_MOST_NOTED = 10_000
Entry = tuple[str, str, str, str, str]
"""Tenant, actor, action, object and outcome."""


@dataclass(slots=True)
class _Recent:
    """The readings that were recorded lately."""

    _until: dict[Entry, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def has(self, entry: Entry) -> bool:
        with self._lock:
            return self._until.get(entry, 0.0) > time.monotonic()

    def add(self, entry: Entry) -> None:
        with self._lock:
            self._until.pop(entry, None)
            self._until[entry] = time.monotonic() + TOGETHER
            if len(self._until) > _MOST_NOTED:
                del self._until[next(iter(self._until))]


class Readings:
    """Records what a known caller reads or is refused; a reading that can't be recorded is not answered."""

    def __init__(self, app: ASGIApp, gateway: Gateway) -> None:
        self.app, self.gateway, self.recent = app, gateway, _Recent()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and record its answer before the answer begins."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        withheld = False

        async def sent(message: Message) -> None:
            nonlocal withheld
            if message["type"] == "http.response.start":
                entry = _entry(scope, message["status"])
                if entry is not None and not self.recent.has(entry):
                    withheld = not await run_in_threadpool(self._recorded, entry)
                if withheld:
                    await _UNAVAILABLE(scope, receive, send)
            if not withheld:
                await send(message)

        await self.app(scope, receive, sent)

    def _recorded(self, entry: Entry) -> bool:
        """Record a reading; return False where a successful one could not be recorded."""
        tenant, actor, action, target, outcome = entry
        try:
            self.gateway.audit(api_keys.Caller(actor, tenant), action, target, outcome=outcome)
        except VisceraError:
            logger.warning("a reading could not be recorded", exc_info=True)
            return outcome != "success"
        self.recent.add(entry)
        return True


def _entry(scope: Scope, status: int) -> Entry | None:
    """Return what must be recorded of an answer, or None."""
    caller, route = scope.get("state", {}).get("caller"), scope.get("route")
    if caller is None or not isinstance(route, APIRoute):
        return None
    is_reading = scope["method"] == "GET" and route.path not in NO_CONTENT
    if not (status in _REFUSED or (is_reading and 200 <= status < 300)):
        return None
    outcome = "refused" if status in _REFUSED else "success"
    action = _action(route) if scope["method"] in {"GET", "HEAD"} else route.endpoint.__name__[:32]
    return caller.tenant, caller.key_id, action, _object(scope, route), outcome


def _action(route: APIRoute) -> str:
    name = route.endpoint.__name__
    return "export" if name == "export" else "search" if name.startswith(("search", "list_")) else "read"


def _object(scope: Scope, route: APIRoute) -> str:
    """Return the id that the route found or the path names, or else the route; a query may have names of patients."""
    parameters = scope.get("path_params", {})
    named = scope.get("state", {}).get("object")  # of routes that name it in the query
    named = named or next((str(parameters[name]) for name in _OBJECTS if name in parameters), route.path)
    return "".join(letter for letter in named if letter.isprintable())[:100]


_UNAVAILABLE = problems.problem(
    503, "ledger_unavailable", "The job ledger is not available; try again in a moment.", {"Retry-After": "5"}
)
