"""Connections of the DIMSE node: bounded in number, memory and time, each in threads of its own.

pynetdicom leaves three things open that a node on a network needs. It reads a PDU of any length into memory, it reads
further messages while one is being processed, and its TLS handshake stops the thread that accepts connections.
"""

from __future__ import annotations

import logging
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from pynetdicom import evt
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer

logger = logging.getLogger("viscera.dimse")
LARGEST_PDU = 1 << 17
"""Bytes of a P-DATA PDU that the node announces; callers that ignore it may send `TOLERATED` bytes."""
TOLERATED = 1 << 20
MOST_COMMAND = 1 << 16
"""Bytes of a command set, and of a data set that is no C-STORE's: both are kept in memory."""
PDU_SECONDS = 30.0
"""Seconds in which a PDU must arrive after its first bytes, or be taken by the caller."""
MOST_CONNECTIONS = 100

Serve = Callable[[Association], Any]


class Refused(OSError):
    """What the caller sends is too long or too slow; for pynetdicom the connection has ended."""


class BoundedSocket(AssociationSocket):
    """A socket that reads one PDU in bounded memory and time, and nothing while a message waits."""

    def __init__(self, assoc: Association, client_socket: socket.socket, check: Callable[[int, int], None]) -> None:
        super().__init__(assoc, client_socket=client_socket)
        self._check = check
        self._body = False

    @property
    def ready(self) -> bool:
        """Return whether there is something to read and room for it: at most one message waits for the last one.

        Nothing is read before and after a connection (states 1 and 13 of PS3.8 9.2), where its end shows repeatedly.
        """
        is_over = self.assoc.dul.state_machine.current_state in ("Sta1", "Sta13")
        return not is_over and self.assoc.dimse.msg_queue.empty() and bool(super().ready)

    def recv(self, nr_bytes: int) -> bytearray:
        """Return so many bytes: the header of a PDU, or the rest of it.

        Raises Refused, or an OSError of the connection.
        """
        if nr_bytes > TOLERATED:
            raise Refused("PDU too long")
        self._check(*self._waiting())
        self._acknowledge_at_once()
        until, data = time.monotonic() + PDU_SECONDS, bytearray()
        while len(data) < nr_bytes:
            if time.monotonic() > until:
                raise Refused("PDU too slow")
            chunk = cast(socket.socket, self.socket).recv(min(nr_bytes - len(data), 1 << 16))
            if not chunk:
                break
            data += chunk
        return data

    def _acknowledge_at_once(self) -> None:
        """Delay no acknowledgement: a caller with Nagle's algorithm would wait 40 ms for it in every instance."""
        if sys.platform == "linux":
            cast(socket.socket, self.socket).setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def _waiting(self) -> tuple[int, int]:
        """Return the bytes of the unfinished message that are in memory, and in a file."""
        message = self.assoc.dimse.message
        if message is None:
            return 0, 0
        in_memory = message.encoded_command_set.tell() + (message.data_set.tell() if message.data_set else 0)
        file = message._data_set_file
        return in_memory, file.file.tell() if file is not None else 0


class Handler(RequestHandler):
    """Serves one connection in the thread of the server, until it ends."""

    server: Server

    def handle(self) -> None:
        """Run the association and free what it used."""
        assoc = self._create_association()
        assoc.dul.event_queue.get()  # each socket announces the connection, and this one replaces the first
        conversation = self.server.serve(assoc)
        assoc.dul.socket = BoundedSocket(assoc, self.request, conversation.check)
        _guard(assoc, conversation.failed)
        try:
            evt.trigger(assoc, evt.EVT_CONN_OPEN, {"address": self.client_address})
            assoc.start()
            assoc.join()
        finally:
            assoc.dul.kill_dul()
            self.server.shutdown_request(self.request)
            assoc.dul.join(PDU_SECONDS)
            conversation.close()


def _guard(assoc: Association, failed: Callable[[Exception], None]) -> None:
    """End the association where its state machine fails: what pynetdicom can't decode would end the thread alone."""
    machine = assoc.dul.state_machine
    do_action = machine.do_action

    def guarded(event: str) -> None:
        try:
            do_action(event)
        except Exception as error:
            failed(error)
            assoc.dul.kill_dul()

    machine.do_action = guarded  # type: ignore[method-assign]


class Server(ThreadedAssociationServer):
    """Accepts connections, at most `MOST_CONNECTIONS` at once; a TLS handshake happens in the connection's thread."""

    daemon_threads = True

    def __init__(
        self, ae: ApplicationEntity, address: tuple[str, int], tls: ssl.SSLContext | None, serve: Serve
    ) -> None:
        self.serve, self.tls = serve, tls
        self._free = threading.BoundedSemaphore(MOST_CONNECTIONS)
        super().__init__(ae, address, ae.ae_title, ae.supported_contexts, request_handler=Handler)

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002 - socketserver's signature
        """Return whether there is room for one more connection."""
        free = self._free.acquire(blocking=False)
        if not free:
            logger.warning("connection refused", extra={"host": client_address[0], "problem": "too many connections"})
        return free

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve one connection; its faults end here."""
        try:
            request.settimeout(PDU_SECONDS)
            request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls is not None:
                request = self.tls.wrap_socket(request, server_side=True)
            super().finish_request(request, client_address)
        except (ssl.SSLError, TimeoutError, ConnectionError) as error:
            logger.warning("connection failed", exc_info=error, extra={"host": client_address[0]})
            with suppress(OSError):
                request.close()
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - socketserver's signature
        """Log an error; its text may contain personal data."""
        logger.error("connection failed in the service", exc_info=True, extra={"host": client_address[0]})
