"""A server on a loopback port that answers as a test says."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Answer:
    status: int = 200
    body: bytes = b"{}"
    headers: dict = field(default_factory=dict)
    length: int | None = None
    """Content-Length where it is not that of the body: the connection then breaks within the body."""


@dataclass
class Seen:
    method: str
    path: str
    headers: Message
    body: bytes


@dataclass
class Server:
    url: str
    answers: list
    """Answers in their order; the last one is given again."""
    seen: list


@contextmanager
def answering() -> Iterator[Server]:
    """Run the server."""
    answers, seen = [], []

    class Handler(BaseHTTPRequestHandler):
        def answer(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            seen.append(Seen(self.command, self.path, self.headers, body))
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            if answer is None:  # no answer at all
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body) if answer.length is None else answer.length))
            self.end_headers()
            self.wfile.write(answer.body)
            self.close_connection = True

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = answer  # noqa: N815 - names of the library

        def log_message(self, *_):
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield Server(f"http://127.0.0.1:{running.server_port}", answers, seen)
    finally:
        running.shutdown()
        running.server_close()
        thread.join(10)
