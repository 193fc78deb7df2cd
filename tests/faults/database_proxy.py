"""A proxy before PostgreSQL that cuts a connection after a chosen COMMIT has reached the server, before its answer."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy.engine import make_url


class DatabaseProxy:
    """Passes bytes both ways; `arm` chooses the transaction whose COMMIT is the connection's last word."""

    def __init__(self, url: str) -> None:
        self._upstream = make_url(url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = self._upstream.set(port=self._listener.getsockname()[1]).render_as_string(hide_password=False)
        self._marks: tuple[bytes, ...] = ()
        self.cut = threading.Event()
        self._lock = threading.Lock()

    @contextmanager
    def running(self) -> Iterator[DatabaseProxy]:
        """Serves for as long as the context lasts."""
        threading.Thread(target=self._accept, daemon=True).start()
        try:
            yield self
        finally:
            self._listener.close()

    def arm(self, *marks: str) -> None:
        """The next transaction whose statements and values hold all these texts commits and is not told so."""
        self.cut.clear()
        self._marks = tuple(mark.encode() for mark in marks)

    def clear(self) -> None:
        """No cut waits any more."""
        self._marks = ()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client, socket.create_connection((self._upstream.host, self._upstream.port)) as server:
            doomed = threading.Event()
            back = threading.Thread(target=self._back, args=(server, client, doomed), daemon=True)
            back.start()
            try:
                self._forth(client, server, doomed)
            finally:  # a client that was killed: the server must learn of it, or it holds its locks for ever
                with suppress(OSError):
                    server.shutdown(socket.SHUT_WR)
                back.join()

    def _forth(self, client: socket.socket, server: socket.socket, doomed: threading.Event) -> None:
        said = b""
        while data := client.recv(1 << 16):
            said = (said + data)[-(1 << 20) :]
            if b"COMMIT" in data:
                if self._chosen(said):
                    doomed.set()
                said = b""
            server.sendall(data)

    def _chosen(self, said: bytes) -> bool:
        with self._lock:
            if not self._marks or not all(mark in said for mark in self._marks):
                return False
            self._marks = ()
            return True

    def _back(self, server: socket.socket, client: socket.socket, doomed: threading.Event) -> None:
        with suppress(OSError):
            while data := server.recv(1 << 16):
                if doomed.is_set():  # the server has committed, or it would not answer
                    self.cut.set()
                    break
                client.sendall(data)
        for line in (client, server):
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
