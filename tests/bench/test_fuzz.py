"""The fuzzer sends the same odd bytes for the same seed, and finds a route that answers 500."""

import random
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bench.fuzz import Target, run, send
from services.api.app import create_app
from services.api.problems import api_routes
from shared.settings import Settings
from tests.support import odd


class Weak(BaseHTTPRequestHandler):
    """A server that fails at a NUL in a path."""

    def handle_one_request(self):
        first = self.rfile.readline(70000)
        status = b"500 Oops" if b"%00" in first.split(b"?")[0] else b"404 Not Found"
        self.wfile.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")
        self.close_connection = True


@pytest.fixture
def port():
    with ThreadingHTTPServer(("127.0.0.1", 0), Weak) as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield made.server_port
        made.shutdown()
        thread.join()


@pytest.fixture
def routes(tmp_path):
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    app = create_app(Settings(ledger_url=url, store_url=f"file://{tmp_path}", broker_url="redis://127.0.0.1:1/0"))
    return list(odd.methods(api_routes(app.routes)))


def test_an_answer_of_500_is_found_and_shown(port, routes):
    report = run(lambda: Target(port), routes, random.Random(1), 2.0)
    assert set(report.statuses) == {f"{method} {route.path}" for method, route in routes}
    assert report.failed > 0
    assert all("%00" in failure["target"] for failure in report.failures)
    assert "of them answered 5xx" in report.text()


def test_a_seed_says_what_is_sent(routes):
    def some(seed):
        rng = random.Random(seed)
        return [odd.random_request(rng, method, route, {"key": "k"}, b"x" * 300) for method, route in routes]

    assert some(1) == some(1)
    assert some(1) != some(2)


def test_a_closed_connection_is_no_answer(port, routes):
    method, route = routes[0]
    request = odd.random_request(random.Random(1), method, route, {"key": "k"}, b"x")
    assert send(port, request) in {404, 500}
    assert send(1, request) == 0
