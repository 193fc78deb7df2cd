"""A client that asks before it sends (RFC 9110, 10.1.1) is told to go on, or is refused before it has sent a byte."""

import socket

from tests.services.api.conftest import KEY


def ask(live, scan, key: str) -> tuple[bytes, bytes]:
    """The first answer to the headers, and to the body once the client was told to go on."""
    port = live.base_url.port
    head = (
        f"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n"
        f"Content-Type: application/octet-stream\r\nContent-Length: {len(scan)}\r\nExpect: 100-continue\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=20) as wire:
        wire.sendall(head.encode())
        first = wire.recv(65536)
        if not first.startswith(b"HTTP/1.1 100"):
            return first, b""
        wire.sendall(scan)
        rest = b""
        while piece := wire.recv(65536):
            rest += piece
        return first, rest


def test_a_welcome_client_is_told_to_go_on(live, scan):
    first, rest = ask(live, scan, KEY)
    assert first.startswith(b"HTTP/1.1 100 Continue")
    assert rest.startswith(b"HTTP/1.1 202 Accepted")


def test_an_unwelcome_client_is_refused_before_it_has_sent_anything(live, scan):
    first, _ = ask(live, scan, "vsk_wrong")
    assert first.startswith(b"HTTP/1.1 401")
