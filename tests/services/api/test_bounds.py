"""Who is not known can't make the gateway hold much, nor hold a connection for long: the real process, measured."""

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient

from services.api import bounds, protocol
from services.api.problems import api_routes
from services.local import free_port
from tests.services.api.conftest import KEY
from tests.services.api.test_jobs import assert_problem

MB = 1 << 20
BODY = 100 * MB
GROWTH = 24 * MB
"""What the process may grow by: buffers of sockets, threads, and the allocator's own."""
STREAMS = {
    "POST /v1/jobs", "POST /v1/scans", "PUT /v1/uploads/{upload_id}/parts/{number}", "POST /dicom-web/studies",
    "POST /dicom-web/studies/{study}", "PUT /v1/jobs/{job_id}/labels.nii.gz",
    "POST /monailabel/infer/{model}", "PUT /monailabel/session/", "PUT /monailabel/datastore/",
    "PUT /monailabel/datastore/image", "PUT /monailabel/datastore/label",
}  # fmt: skip


class Process:
    """A gateway of its own process on a loopback port."""

    def __init__(self, port: int, pid: int) -> None:
        self.port, self.pid = port, pid
        self.url = f"http://127.0.0.1:{port}"

    def peak(self) -> int:
        """The most memory that the process ever had, in bytes (VmHWM, proc(5))."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def send(self, head: str, size: int, piece: bytes) -> bytes:
        """Send a head and then pieces until `size` bytes are sent or the gateway closes; return its answer."""
        with self.connect() as wire:
            with suppress(OSError):
                wire.sendall(head.encode())
                for _ in range(size // len(piece)):
                    wire.sendall(piece)
            answer = b""
            with suppress(OSError):
                wire.settimeout(20)
                while data := wire.recv(65536):
                    answer += data
            return answer


@pytest.fixture
def process(settings, app, tmp_path):
    del app
    port = free_port()
    given = {f"VISCERA_{name.upper()}": str(getattr(settings, name)) for name in ("ledger_url", "store_url", "spool")}
    command = [sys.executable, "-P", "-m", "services.api", "--port", str(port)]
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(
        command, env={**os.environ, **given, "VISCERA_BROKER_URL": settings.broker_url}, stdout=log, stderr=log
    ) as child:  # fmt: skip
        made = Process(port, child.pid)
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with suppress(httpx.HTTPError):
                if httpx.get(made.url + "/v1/jobs", headers={"Authorization": f"Bearer {KEY}"}).status_code == 200:
                    break
            time.sleep(0.1)
        yield made
        child.terminate()
        child.wait(20)


def chunked(path: str, method: str = "POST", more: str = "") -> str:
    return (
        f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{more}"
        "Transfer-Encoding: chunked\r\n\r\n"
    )


def test_large_bodies_of_nobody_are_not_held(process):
    piece = b"%x\r\n" % MB + b"x" * MB + b"\r\n"
    before = process.peak()
    for path in ("/v1/session", "/v1/keys", "/v1/webhooks", "/v1/oauth/token", "/v1/jobs", "/dicom-web/studies"):
        process.send(chunked(path), BODY, piece)
    assert process.peak() - before < GROWTH
    assert httpx.get(process.url + "/livez").status_code == 200


def test_heads_trailers_and_chunk_extensions_without_an_end_are_not_held(process):
    before = process.peak()
    piece = b"x" * 65536
    answer = process.send("GET / HTTP/1.1\r\nHost: x\r\nX-Long: ", BODY // 2, piece)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 431")
    many = b"".join(b"X-%d: %s\r\n" % (n, b"y" * 200) for n in range(300))
    process.send("GET / HTTP/1.1\r\nHost: x\r\n", BODY // 2, many)
    process.send("GET /" + "x" * 100, BODY // 2, piece)
    process.send(chunked("/v1/session") + "1\r\nx\r\n0\r\n", BODY // 2, many)
    process.send(chunked("/v1/session") + "1;", BODY // 2, piece)
    assert process.peak() - before < GROWTH
    assert httpx.get(process.url + "/livez").status_code == 200


def test_slow_heads_and_bodies_are_ended_and_others_are_served_meanwhile(process):
    heads = [process.connect() for _ in range(100)]
    bodies = [process.connect() for _ in range(100)]
    before = process.peak()
    for wire in heads:
        wire.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
    for wire in bodies:
        wire.sendall(b"POST /v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
    began = time.monotonic()
    assert httpx.get(process.url + "/livez", timeout=5).status_code == 200
    for wire in heads:
        assert _end(wire, protocol.HEAD_SECONDS + 10 - (time.monotonic() - began)) == b""
    for wire in bodies:
        assert _end(wire, bounds.SMALL_SECONDS + 10 - (time.monotonic() - began)).startswith(b"HTTP/1.1 408")
    assert process.peak() - before < GROWTH


def _end(wire: socket.socket, within: float) -> bytes:
    """What arrives until the other side closes or has answered."""
    wire.settimeout(max(within, 0.1))
    with wire:
        return wire.recv(65536)


def test_an_upload_that_stands_still_gives_its_slot_back(live, monkeypatch):
    monkeypatch.setattr(bounds, "IDLE_SECONDS", 0.5)
    head = (
        f"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Length: 1000\r\n"
        "Content-Type: application/octet-stream\r\n\r\nx"
    )
    wires = [socket.create_connection(("127.0.0.1", live.base_url.port), timeout=20) for _ in range(8)]
    for wire in wires:
        wire.sendall(head.encode())
    for wire in wires:
        with wire:
            assert wire.recv(65536).startswith(b"HTTP/1.1 408")


def test_an_upload_that_drips_has_an_end(live, monkeypatch):
    monkeypatch.setattr(bounds, "START_SECONDS", 1.0)
    head = (
        f"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Length: 1000\r\n"
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", live.base_url.port), timeout=20) as wire:
        wire.sendall(head.encode())
        wire.settimeout(0.1)
        began, answer = time.monotonic(), b""
        while not answer and time.monotonic() - began < 10:
            wire.sendall(b"x")
            with suppress(TimeoutError):
                answer = wire.recv(65536)
    assert answer.startswith(b"HTTP/1.1 408")


def test_only_uploads_take_long_bodies(app):
    """By construction: a route that is added takes 64 KiB until it says otherwise."""
    marked = {
        f"{method} {route.path}": route.endpoint.most_bytes
        for route in api_routes(app.routes) if hasattr(route.endpoint, "most_bytes") for method in route.methods
    }  # fmt: skip
    assert {name for name, most in marked.items() if most is None} == STREAMS
    assert all(most <= MB for name, most in marked.items() if name not in STREAMS)
    with TestClient(app, raise_server_exceptions=False) as nobody:
        for route in api_routes(app.routes):
            for method in route.methods - {"GET", "HEAD"}:
                if f"{method} {route.path}" not in marked:
                    path = route.path.replace("{number}", "1").replace("{", "").replace("}", "")
                    answer = nobody.request(method, path, content=json.dumps({"key": "x" * bounds.SMALL}))
                    assert_problem(answer, 413, "upload_too_large")
