"""A proxy before an S3 server that fails as it is told: what a store of another vendor may do on a bad day."""

from __future__ import annotations

import http.client
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

FAULTS = {"503": 6, "500": 6, "reset": 6, "slow": 1, "black-hole": 1, "truncated": 2}
"""Each fault, and how many requests it strikes: more than botocore tries on its own, where it tries at once."""
SLOW = 5.0
"""Seconds that a slow answer takes: longer than a lease in the matrix."""


@dataclass
class Armed:
    """A fault that waits for requests of a method whose path holds a text; how many it has struck."""

    kind: str
    method: str
    path: str
    left: int
    struck: int = 0


class S3Proxy:
    """Passes requests on to the server, but for those that an armed fault strikes."""

    def __init__(self, upstream: str) -> None:
        self.upstream = str(urlsplit(upstream).netloc)
        self.armed: Armed | None = None
        self.over = threading.Event()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def running(self) -> Iterator[S3Proxy]:
        """Serves for as long as the context lasts."""
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.clear()
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def arm(self, kind: str, method: str, path: str) -> Armed:
        """The next requests of this kind fail."""
        self.over.clear()
        self.armed = Armed(kind, method, path, FAULTS[kind])
        return self.armed

    def clear(self) -> None:
        """No fault waits any more; black holes give up."""
        self.armed = None
        self.over.set()

    def strikes(self, method: str, path: str) -> str:
        """The fault that strikes this request, or nothing."""
        with self._lock:
            armed = self.armed
            if armed is None or not armed.left or method != armed.method or armed.path not in path:
                return ""
            armed.left -= 1
            armed.struck += 1
            return armed.kind


class _Handler(BaseHTTPRequestHandler):
    proxy: S3Proxy
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def _relay(self) -> None:
        fault = self.proxy.strikes(self.command, self.path)
        if fault == "black-hole":
            self.proxy.over.wait(60.0)
            self.close_connection = True
            return None
        size = int(self.headers.get("Content-Length", 0))
        if fault == "reset" and size:
            self.rfile.read(size // 2)
            return self._reset()
        body = self.rfile.read(size)
        if fault in {"500", "503"}:
            return self._answer(int(fault), {"Content-Type": "application/xml"}, _error(fault))
        if fault == "slow" and size:
            time.sleep(SLOW)
        if fault == "truncated" and size:
            body = body[: size // 2]
        status, headers, content = self._ask(body)
        if self.command == "HEAD" or size or not fault:
            return self._answer(status, headers, content)
        return self._spoil(fault, status, headers, content)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _relay  # noqa: N815 - as the base class calls them

    def _ask(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        line = http.client.HTTPConnection(self.proxy.upstream, timeout=30)
        try:
            line.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in {"expect", "connection", "content-length"}:
                    line.putheader(name, value)
            line.putheader("Content-Length", str(len(body)))
            line.endheaders(body)
            answer = line.getresponse()
            headers = {k: v for k, v in answer.getheaders() if k.lower() not in {"transfer-encoding", "connection"}}
            return answer.status, headers, answer.read()
        finally:
            line.close()

    def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self._head(status, headers, len(content))
        if self.command != "HEAD":
            self.wfile.write(content)

    def _head(self, status: int, headers: dict[str, str], size: int) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() != "content-length" or self.command == "HEAD":
                self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(size))
        self.end_headers()

    def _spoil(self, fault: str, status: int, headers: dict[str, str], content: bytes) -> None:
        half = len(content) // 2
        if fault == "truncated":  # and the length says so: only a checksum tells
            return self._answer(status, headers, content[:half])
        self._head(status, headers, len(content))
        self.wfile.write(content[:half])
        self.wfile.flush()
        if fault == "reset":
            return self._reset()
        time.sleep(SLOW)
        self.wfile.write(content[half:])
        return None

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True


def _error(status: str) -> bytes:
    code = "SlowDown" if status == "503" else "InternalError"
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>as asked</Message></Error>".encode()
