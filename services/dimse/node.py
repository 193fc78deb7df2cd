"""The application entity: what every association needs, and how the node starts and stops."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from anyio.from_thread import BlockingPortal, start_blocking_portal
from pynetdicom import AE, _config, dimse_messages
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from services.dimse.transport import LARGEST_PDU, Serve, Server
from shared import scratch
from shared.intake.instances import Intake
from shared.intake.limits import Limits
from shared.intake.room import Room
from shared.intake.turns import Turns
from shared.ledger import Ledger
from shared.ledger.jobs import ensure_tenant
from shared.settings import Settings
from shared.storage.base import Store
from shared.telemetry import log

PREFIX = "dimse-"
IDLE_SECONDS = 120.0
"""Seconds after which an association without a message is aborted."""
REQUEST_SECONDS = 30.0
"""Seconds in which a connection must request an association."""


@dataclass(slots=True)
class Node:
    """The open connections and counters of one DIMSE process; `folder` has its files, `clients` says who may call."""

    settings: Settings
    aet: str
    intake: Intake
    room: Room
    limits: Limits
    portal: BlockingPortal
    folder: Path
    clients: Path | None
    turns: Turns = field(default_factory=Turns)
    _tenants: set[str] = field(default_factory=set)

    @contextmanager
    def turn(self, tenant: str) -> Iterator[None]:
        """Wait for the tenant's turn of heavy work and hold it while the context lasts."""
        with self.portal.wrap_async_context_manager(self.turns.turn(tenant)):
            yield

    def ensure_tenant(self, tenant: str) -> None:
        """Create the tenant if it is not there. Raises Unavailable."""
        if tenant not in self._tenants:
            with self.intake.ledger.write() as connection:
                ensure_tenant(connection, tenant)
            self._tenants.add(tenant)


@contextmanager
def open_node(settings: Settings, aet: str, ledger: Ledger, store: Store, clients: Path | None) -> Iterator[Node]:
    """Open a node on a ledger and a store; what a killed node left in the spool is swept."""
    settings.spool.mkdir(parents=True, exist_ok=True)
    scratch.sweep(settings.spool, (PREFIX,))
    limits = Limits(settings.requests_per_minute, settings.uploads_at_once)
    intake = Intake("dimse", ledger, store, settings)
    with scratch.folder(settings.spool, PREFIX) as folder, start_blocking_portal() as portal:
        yield Node(settings, aet, intake, Room(ledger, store), limits, portal, folder, clients)


@contextmanager
def listening(node: Node, address: tuple[str, int], tls: ssl.SSLContext | None, serve: Serve) -> Iterator[Server]:
    """Accept associations at an address while the context lasts; then abort those that are open.

    It changes settings of the whole process: pynetdicom takes them from module variables.
    """
    log.silence("pynetdicom", "pydicom")
    _config.LOG_HANDLER_LEVEL = "none"
    _config.STORE_RECV_CHUNKED_DATASET = True  # to files, not to memory
    _config.UNRESTRICTED_STORAGE_SERVICE = True  # any SOP class, as STOW-RS does
    dimse_messages.NamedTemporaryFile = _file_of_association  # type: ignore[assignment, attr-defined]
    entity = AE(ae_title=node.aet)
    entity.maximum_pdu_size = LARGEST_PDU
    entity.maximum_associations = 10_000  # the tenants' limits apply before
    entity.network_timeout, entity.acse_timeout = IDLE_SECONDS, REQUEST_SECONDS
    entity.add_supported_context(Verification)
    server = Server(entity, address, tls, serve)
    entity._servers.append(server)
    threading.Thread(target=server.serve_forever, name="accept", daemon=True).start()
    try:
        yield server
    finally:
        entity.shutdown()
        dimse_messages.NamedTemporaryFile = NamedTemporaryFile  # type: ignore[attr-defined]
        _config.STORE_RECV_CHUNKED_DATASET = _config.UNRESTRICTED_STORAGE_SERVICE = False


def _file_of_association(**options: Any) -> Any:
    """Return a file for a data set in the folder of the association that receives it, whose thread this is.

    pynetdicom forgets the files of some messages that are not valid; the folder ends with the association.
    """
    provider: Any = threading.current_thread()
    return NamedTemporaryFile(dir=provider.folder, **options)
