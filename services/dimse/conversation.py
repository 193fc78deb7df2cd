"""One association: who calls, what is refused, and what became of each instance."""

from __future__ import annotations

import hashlib
import logging
import ssl
import time
from contextlib import ExitStack
from typing import Any

from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.events import Event

from services.dimse import clients
from services.dimse.node import Node
from services.dimse.transport import MOST_COMMAND, Refused
from shared import scratch
from shared.errors import BadScan, TooMany, Unavailable, VisceraError
from shared.intake import admission
from shared.intake.instances import NOT_UNDERSTOOD, OUT_OF_RESOURCES, Described, Part
from shared.intake.room import Arrival
from shared.sandbox.session import Session
from shared.storage.base import sha256
from shared.telemetry.metrics import meters

logger = logging.getLogger("viscera.dimse")
SUCCESS, NOT_AUTHORISED, PROCESSING_FAILURE = 0x0000, 0x0124, 0x0110
UNKNOWN_CALLING, UNKNOWN_CALLED = (1, 1, 3), (1, 1, 7)
CONGESTION, LIMIT_EXCEEDED = (2, 3, 1), (2, 3, 2)
"""Result, source and diagnostic of a rejection (PS3.8 table 9-21)."""
RATE_SECONDS = 10.0
"""Seconds that an instance waits at most where its tenant sends faster than it may."""


class Conversation:
    """An association from its connection to its end; its folder, sandbox and share of the limits end with it."""

    def __init__(self, node: Node, assoc: Association) -> None:
        self.node, self.assoc = node, assoc
        self.client: clients.Client | None = None
        self.outcome, self.statuses = "no_request", dict[str, int]()
        self._ends = ExitStack()
        self._session: Session | None = None
        self._arrival: Arrival | None = None
        self._seen = 0
        for event, handler in (
            (evt.EVT_REQUESTED, self.requested),
            (evt.EVT_CONN_CLOSE, self.closed),
            (evt.EVT_ESTABLISHED, self.established),
            (evt.EVT_RELEASED, self.released),
            (evt.EVT_C_ECHO, self.echo),
            (evt.EVT_C_STORE, self.store),
        ):
            assoc.bind(event, handler)

    def check(self, in_memory: int, in_file: int) -> None:
        """Refuse a message that is too long, or for which the disk has no room. Raises Refused."""
        if in_memory > MOST_COMMAND or in_file > self.node.settings.max_upload_bytes:
            self.outcome = "too_long"
            raise Refused("message too long")
        try:
            if self._arrival is not None:
                self._arrival.arrived(max(in_file - self._seen, 0))
        except Unavailable as error:
            self.outcome = error.code
            raise Refused("no room") from error
        self._seen = in_file

    def requested(self, _: Event) -> None:
        """Accept or reject the association."""
        try:
            rejection = self._rejection()
        except Exception as error:  # pynetdicom would log it and accept
            logger.error("association refused", exc_info=error)
            rejection = CONGESTION
        if rejection is not None:
            self.assoc.acse.send_reject(*rejection)
            self.assoc.kill()  # waits until the answer is sent

    def failed(self, error: Exception) -> None:
        """Note that the caller sent what can't be decoded or does not belong there."""
        self.outcome = "protocol_error"
        logger.warning("association failed", exc_info=error, extra={"host": self.assoc.requestor.address})
        self.closed()

    def closed(self, _: Event | None = None) -> None:
        """Wake the thread that waits for a request: there will be none."""
        if self.assoc.requestor.primitive is None:
            self.assoc.dul.to_user_queue.put(None)  # type: ignore[arg-type]

    def established(self, _: Event) -> None:
        """Note that the association was accepted: it is aborted, unless it is released."""
        self.outcome = "aborted"
        gauge = meters().associations_open.labels("tls" if self._tls_socket() else "tcp")
        gauge.inc()
        self._ends.callback(gauge.dec)

    def released(self, _: Event) -> None:
        """Note that the caller released the association."""
        self.outcome = "released"

    def echo(self, _: Event) -> int:
        """Answer C-ECHO."""
        return SUCCESS

    def store(self, event: Event) -> int:
        """Return the status of a C-STORE; with success the instance is durable."""
        try:
            status = self._store(event)
        except (TooMany, Unavailable) as error:
            self._note("instance refused", error)
            status = OUT_OF_RESOURCES
        except BadScan as error:
            self._note("instance refused", error)
            status = NOT_UNDERSTOOD
        except Exception as error:  # its text may contain personal data
            logger.error("instance not stored", exc_info=error)
            status = PROCESSING_FAILURE
        text = f"{status:04x}"
        self.statuses[text] = self.statuses.get(text, 0) + 1
        meters().stored_instances.labels(text).inc()
        self.assoc.dul._idle_timer.restart()  # the caller waited for us
        return status

    def close(self) -> None:
        """Free everything of the association and log how it ended."""
        if self._session is not None:
            self._session.close()
        self._ends.close()
        meters().associations.labels(self.outcome).inc()
        about: dict[str, Any] = {"host": self.assoc.requestor.address, "outcome": self.outcome}
        if self.client is not None:
            about |= {"aet": self.client.aet, "tenant": self.client.tenant, "statuses": self.statuses}
        level = logging.DEBUG if self.outcome == "no_request" else logging.INFO  # a probe only connects
        logger.log(level, "association", extra=about)

    def _rejection(self) -> tuple[int, int, int] | None:
        request: Any = self.assoc.requestor.primitive
        calling, called = request.calling_ae_title.strip(), request.called_ae_title.strip()
        if called != self.node.aet:
            self.outcome = "unknown_called"
            return UNKNOWN_CALLED
        try:
            host, certificate = self.assoc.requestor.address, self._certificate()
            client = clients.identify(self.node.clients, calling, host, certificate)
            if client is None:
                self.outcome = "unknown_calling"
                return UNKNOWN_CALLING
            self._admit(client)
        except TooMany as error:
            self.outcome = error.code
            return LIMIT_EXCEEDED
        except VisceraError as error:
            self._note("association refused", error)
            self.outcome = error.code
            return CONGESTION
        return None

    def _admit(self, client: clients.Client) -> None:
        self.node.limits.request(client.tenant)
        self._ends.enter_context(self.node.limits.upload(client.tenant))
        self._arrival = self._ends.enter_context(self.node.room.expecting(self.node.settings, 0))
        self.node.ensure_tenant(client.tenant)
        folder = self._ends.enter_context(scratch.folder(self.node.folder))
        self.assoc.dul.folder = folder  # type: ignore[attr-defined] # where its thread puts data sets
        self._session, self.client = Session(folder), client

    def _certificate(self) -> str | None:
        wrapped = self._tls_socket()
        der = wrapped.getpeercert(binary_form=True) if wrapped else None
        return hashlib.sha256(der).hexdigest() if der else None

    def _tls_socket(self) -> ssl.SSLSocket | None:
        wrapped = self.assoc.dul.socket.socket if self.assoc.dul.socket else None
        return wrapped if isinstance(wrapped, ssl.SSLSocket) else None

    def _store(self, event: Event) -> int:
        session = self._session
        if self.client is None or session is None or not self.client.store:
            return NOT_AUTHORISED
        node, tenant = self.node, self.client.tenant
        self._count_request(tenant)
        admission.check(node.intake.ledger, node.room, node.settings, tenant)
        path = event.dataset_path.replace(session.folder / "instance")
        part = Part(path, sha256(path), path.stat().st_size)
        try:
            with node.turn(tenant):
                node.intake.keep(tenant, [part], None, lambda files: [self._described(session, files, event)])
        finally:
            for file in (part.path, part.metadata):
                file.unlink(missing_ok=True)
        return part.failure or part.warning or SUCCESS

    def _count_request(self, tenant: str) -> None:
        """Count a request; above the tenant's rate wait, because the caller waits for us anyway. Raises TooMany."""
        until = time.monotonic() + RATE_SECONDS
        while True:
            try:
                return self.node.limits.request(tenant)
            except TooMany as error:
                if time.monotonic() + error.after > until:
                    raise
                time.sleep(error.after)

    def _described(self, session: Session, files: list[list[str]], event: Event) -> Described:
        """Return the sandbox's description; an error if the data set is not the one that the command names."""
        try:
            about: Described = session.call("describe", files=files)["instances"][0]
        except BadScan:
            return {"error": "damaged"}
        request: Any = event.request
        named = str(request.AffectedSOPClassUID), str(request.AffectedSOPInstanceUID)
        if "error" not in about and (about["sop_class"], about["instance"]) != named:
            return {"error": "mismatch"}
        return about

    def _note(self, text: str, error: VisceraError) -> None:
        logger.warning(text, extra={"host": self.assoc.requestor.address, "problem": error.code})
