"""Signatures as the specification says, and targets that must not be reached."""

import base64
import contextlib
import hashlib
import hmac
import ipaddress
import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest

from shared.outbound import webhook
from shared.outbound.webhook import BadTarget, Policy

LOOPBACK = Policy.parse(True, "127.0.0.0/8")


def test_the_signature_is_the_specifications_own_example():
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    signed = webhook.signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_every_valid_secret_signs():
    made = webhook.headers("msg_1", ["whsec_" + base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2)], b"{}", 5)
    expected = [
        base64.b64encode(hmac.new(bytes([n]) * 32, b"msg_1.5.{}", hashlib.sha256).digest()).decode() for n in (1, 2)
    ]
    assert made["webhook-signature"] == " ".join(f"v1,{one}" for one in expected)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/", "ftp://example.com/", "https://", "https:///x", "https://u:p@example.com/", "nonsense",
        "https://example.com:99999/", "https://example.com:0/", "https://[::1", "https://example.com/#x", "file:///etc",
    ],
)  # fmt: skip
def test_urls_that_are_refused_without_a_look_at_the_network(url):
    with pytest.raises(BadTarget):
        Policy().check(url)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1",
        "255.255.255.255", "192.0.2.1", "::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1",
        "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:db8::1",
        "192.0.0.192", "fec0::1", "3fff::1", "192.88.99.1",
    ],
)  # fmt: skip
def test_addresses_inside_are_refused_in_whatever_spelling(monkeypatch, address):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(0, 0, 0, "", (address, 443))])
    with pytest.raises(BadTarget):
        Policy().resolve(Policy().check("https://hook.example/"))


def test_one_inner_address_among_public_ones_is_enough_to_refuse(monkeypatch):
    both = [(0, 0, 0, "", (address, 443)) for address in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
    with pytest.raises(BadTarget):
        Policy().resolve(Policy().check("https://hook.example/"))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both[:1])
    assert Policy().resolve(Policy().check("https://hook.example/")) == ipaddress.ip_address("93.184.216.34")


def test_ports_of_other_services_are_refused():
    for port in (22, 25, 80, 442, 444, 1023):
        with pytest.raises(BadTarget, match="port"):
            Policy().check(f"https://hook.example:{port}/")
    for port in (443, 1024, 8443):
        assert Policy().check(f"https://hook.example:{port}/").port == port
    assert Policy(http=True).check("http://hook.example:80/").port == 80


@pytest.mark.parametrize("spelling", ["http://2130706433/", "http://0x7f.1/", "http://127.1/", "http://localhost/"])
def test_odd_spellings_of_loopback_are_refused(spelling):
    policy = Policy(http=True)
    with pytest.raises(BadTarget):
        policy.resolve(policy.check(spelling))


class Receiver(BaseHTTPRequestHandler):
    answers = [200]
    seen: list = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        Receiver.seen.append((self.path, dict(self.headers), body))
        self.send_response(Receiver.answers[0])
        if Receiver.answers[0] == 302:
            self.send_header("Location", "http://127.0.0.1:1/")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver():
    Receiver.seen, Receiver.answers = [], [200]
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_message_arrives_signed_at_the_checked_address(receiver):
    secret = "whsec_" + base64.b64encode(b"k" * 32).decode()
    port = receiver.rpartition(":")[2]
    url = f"http://localhost:{port}/hook?x=1"
    status = webhook.send(url, "msg_1", [secret], {"type": "job.succeeded"}, Policy.parse(True, "127.0.0.0/8, ::1/128"))
    path, sent, body = Receiver.seen[0]
    assert (status, path, sent["Host"]) == (200, "/hook?x=1", f"localhost:{port}")
    assert json.loads(body) == {"type": "job.succeeded"}
    assert sent["webhook-signature"] == webhook.signature(secret, "msg_1", int(sent["webhook-timestamp"]), body)


def test_redirects_are_not_followed_and_proxies_not_used(receiver, monkeypatch):
    Receiver.answers = [302]
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert webhook.send(receiver, "msg_1", [], {}, LOOPBACK) == 302
    assert len(Receiver.seen) == 1


def test_the_address_that_was_checked_is_the_one_connected_to(receiver, monkeypatch):
    """A name that changes its address between the check and the connection (DNS rebinding) gains nothing."""
    port = int(receiver.rpartition(":")[2])
    asked = []

    def changing(host, *_, **__):
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1" if len(asked) == 1 else "10.0.0.1", port))]

    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *a, **k: changing(host) if host == "hook.example" else real(host, *a, **k)
    )
    assert webhook.send(f"http://hook.example:{port}/", "msg_1", [], {}, LOOPBACK) == 200
    assert asked == ["hook.example"]


real = socket.getaddrinfo


def test_a_receiver_that_answers_byte_by_byte_has_no_more_time(monkeypatch):
    monkeypatch.setattr(webhook, "SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            with contextlib.suppress(OSError), server.accept()[0] as wire:
                while True:
                    wire.sendall(b"H")
                    time.sleep(0.1)

        threading.Thread(target=drip, daemon=True).start()
        with pytest.raises((TimeoutError, httpx.HTTPError)):  # without an end of its own it would last for ever
            webhook.send(f"http://127.0.0.1:{server.getsockname()[1]}", "msg_1", [], {}, LOOPBACK)
