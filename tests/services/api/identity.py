"""An identity provider on a loopback port, with real keys: discovery, key set, authorization and token endpoints."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa


def jwk(key: Any, kid: str) -> dict[str, Any]:
    """The public half of a private key as a JSON Web Key."""
    algorithm = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    return json.loads(algorithm.to_jwk(key.public_key())) | {"kid": kid, "use": "sig"}


def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP384R1())


class Provider:
    """Signs tokens with a key of its own, which may be rotated."""

    def __init__(self) -> None:
        self.kid, self.key = "first", rsa_key()
        self.codes: dict[str, dict[str, str]] = {}
        self.fetched = 0
        self.drips = False
        self.open = threading.Event()
        self.open.set()
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                provider.get(self)

            def do_POST(self):
                provider.post(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def hang(self, *, drip: bool = False) -> None:
        """Answers nothing from now on, or with `drip` one byte of a header now and then."""
        self.drips = drip
        self.open.clear()

    def resume(self) -> None:
        self.open.set()

    def rotate(self) -> None:
        self.kid, self.key = "second", rsa_key()

    def token(self, **claims: Any) -> str:
        base = {"iss": self.url, "aud": "viscera", "sub": "nurse", "exp": time.time() + 300, "scope": "jobs:read"}
        given = {name: value for name, value in (base | claims).items() if value is not None}
        return jwt.encode(given, self.key, "RS256", {"kid": self.kid})

    def get(self, handler: BaseHTTPRequestHandler) -> None:
        hung = False
        while not self.open.wait(0.1):
            hung = True
            with contextlib.suppress(OSError):
                if self.drips:
                    handler.wfile.write(b"H")
        if hung:
            return
        path = urlsplit(handler.path)
        if path.path == "/authorize":
            asked = {name: values[0] for name, values in parse_qs(path.query).items()}
            self.codes["code"] = asked
            handler.send_response(302)
            back = urlencode({"code": "code", "state": asked["state"]})
            handler.send_header("Location", f"{asked['redirect_uri']}?{back}")
            handler.end_headers()
        elif path.path == "/keys":
            self.fetched += 1
            _send(handler, {"keys": [jwk(self.key, self.kid), {"kty": "oct", "k": "c2VjcmV0", "kid": "shared"}]})
        else:
            ends = {name: f"{self.url}/{name}" for name in ("authorize", "token")}
            about = {"authorization_endpoint": ends["authorize"], "token_endpoint": ends["token"]}
            _send(handler, {"issuer": self.url, "jwks_uri": self.url + "/keys"} | about)

    def post(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["content-length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        asked = self.codes.pop(form["code"], None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
        if asked is None or asked["code_challenge"] != challenge.decode():
            _send(handler, {"error": "invalid_grant"}, 400)
            return
        _send(handler, {"id_token": self.token(aud=asked["client_id"], nonce=asked["nonce"])})


def _send(handler: BaseHTTPRequestHandler, body: dict[str, Any], status: int = 200) -> None:
    content = json.dumps(body).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)
