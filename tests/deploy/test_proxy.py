"""The proxy of compose answers under one name alone and tells browsers to stay with HTTPS."""

import http.server
import shutil
import socket
import ssl
import subprocess
import threading
import time

import pytest

from services.local import free_port
from tests.deploy.test_files import DEPLOY

pytestmark = pytest.mark.skipif(shutil.which("caddy") is None, reason="Caddy is not installed here")


class Gateway(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


@pytest.fixture
def proxy(tmp_path):
    """Starts Caddy with the Caddyfile of deploy/ for a host; yields the function that does."""
    upstream = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    running = []

    def start(host: str) -> int:
        port = free_port()
        text = (DEPLOY / "Caddyfile").read_text().replace("api:8000", f"127.0.0.1:{upstream.server_port}")
        text = text.replace("persist_config off", "").replace("https_port 8443", f"https_port {port}")
        text = text.replace("tls internal", "tls internal\n\tbind 127.0.0.1")
        text = text.replace("auto_https", "skip_install_trust\n\tauto_https")
        (tmp_path / "Caddyfile").write_text(text)
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "VISCERA_PUBLIC_URL": f"https://{host}"}
        command = ["caddy", "run", "--config", str(tmp_path / "Caddyfile")]
        with (tmp_path / "caddy.log").open("wb") as log:
            running.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
        until = time.monotonic() + 20
        while time.monotonic() < until:
            try:
                answer(port, host)
                return port
            except OSError:
                time.sleep(0.1)
        raise AssertionError((tmp_path / "caddy.log").read_text())

    yield start
    for process in running:
        process.kill()
        process.wait()
    upstream.shutdown()
    upstream.server_close()


def answer(port: int, name: str) -> str:
    """The head of the answer to `GET /` of a browser that asks for a name; its certificate is not checked."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=name) as wire,
    ):
        wire.sendall(f"GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: wire.recv(65536), b"")).decode().partition("\r\n\r\n")[0].lower()


def test_the_public_name_is_answered_with_hsts_and_no_other_name_gets_a_certificate(proxy, tmp_path):
    port = proxy("viscera.test")
    head = answer(port, "viscera.test")
    assert head.startswith("http/1.1 200")
    assert "strict-transport-security: max-age=31536000" in head
    for name in ("other.test", "made-up-1.test", "localhost"):
        with pytest.raises(ssl.SSLError):
            answer(port, name)
    certified = [path.parent.name for path in tmp_path.rglob("*.crt") if "certificates" in path.parts]
    assert certified == ["viscera.test"]


def test_a_trial_on_localhost_binds_no_other_server_of_the_machine_to_https(proxy):
    head = answer(proxy("localhost"), "localhost")
    assert head.startswith("http/1.1 200")
    assert "strict-transport-security" not in head
