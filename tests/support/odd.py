"""Odd texts, numbers, headers and bodies, for every route; tests send each once, `bench/fuzz.py` mixes them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.support.multipart import content_type, multipart, mutate

TEXTS = ["%00", "a%00b", "%ED%A0%80", "%FF", "9" * 400, "-1", "1e999", "%0A", "%2e%2e", "'%22", "%F0%9F%98%80" * 30]
STRINGS = ["\0", "a\0b", "\ud800", "9" * 5000, "\n", "'\"", "\U0001f600" * 50, "https://hook.example/\0", ""]
HEADERS = [
    {"Host": "[::1"}, {"Host": "a b"}, {"Host": "x" * 300}, {"Host": "@"}, {"Host": "[v1.x]:99999999"},
    {"Origin": "http://["}, {"Origin": "null"}, {"Range": "bytes=0-" + "9" * 4400}, {"Range": "bytes=-" + "9" * 4400},
    {"Range": "bytes=٣-"}, {"If-None-Match": '"' * 50}, {"Accept": "\x00,;=;q=nan"}, {"Accept": ";;;,,," * 20},
    {"Accept": "multipart/related; type=\xff; q=1e999"}, {"Content-Type": "multipart/related; boundary="},
    {"Content-Length": "0"}, {"Last-Event-ID": "9" * 18}, {"Idempotency-Key": "\x00\xff"},
    {"Content-Digest": "sha-256=:=:"},
    {"Cookie": "viscera_session=\xff; viscera_oidc=a.b.c"}, {"Authorization": "Bearer \xff.\xff.\xff"},
]  # fmt: skip
NESTED = [
    {"00404021": {"vr": "SQ", "Value": [{"00100010": {}}]}}, {"00100010": {"vr": "PN", "Value": [{"Alphabetic": 7}]}},
    {"00100010": {"vr": "PN", "Value": [{"x><script>": "a^b"}]}}, {"00741204": {"vr": "LO", "Value": ["\0"]}},
    {"00741204": {"vr": "LO", "Value": ["\ud800"]}}, {"00741204": {"vr": "LO", "Value": [[["x"]]]}},
    {"00741204": {"vr": "\0", "Value": ["x"]}}, {"00404021": {"vr": "SQ", "Value": [{"zz": {"vr": "LO"}}]}},
    {"00741202": {"vr": "DS", "Value": [float("nan")]}}, {"00741202": {"vr": "IS", "Value": [10**400]}},
    {"00404021": {"vr": "OB", "InlineBinary": 7}}, {"00741204": {"vr": "LO", "Value": ["\uffff\x01"]}},
]  # fmt: skip
VALID = {
    "00741200": {"vr": "CS", "Value": ["MEDIUM"]}, "00741204": {"vr": "LO", "Value": ["step"]},
    "00741202": {"vr": "LO", "Value": ["list"]}, "00404041": {"vr": "CS", "Value": ["READY"]},
    "00404005": {"vr": "DT", "Value": ["20260101"]}, "00741000": {"vr": "CS", "Value": ["SCHEDULED"]},
}  # fmt: skip
FIELDS = {
    "/v1/session": "key", "/v1/keys": "name", "/v1/webhooks": "url", "/v1/jobs": "scan", "/v1/scans": "sha256",
    "/v1/jobs/{job_id}/share": "seconds", "/v1/webhooks/{webhook_id}/rotate": "overlap_seconds",
}  # fmt: skip
"""A field of each route that takes JSON."""
VALUES: list[Any] = [*STRINGS, 10**400, float("nan"), None, [], {}, True, -1]
JSON = [b"\xff", b"[" * 60000, b'{"a":' * 10000, b'"\\ud800"', b"9" * 60000, b"", b"null"]
XML = [
    b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
    b"<!DOCTYPE a [<!ENTITY b 'bbbbbbbb'><!ENTITY c '&b;&b;&b;&b;&b;&b;'>]><NativeDicomModel>&c;</NativeDicomModel>",
    b"<?xml version='1.0' encoding='utf-7'?><NativeDicomModel/>", b"<NativeDicomModel>\x00</NativeDicomModel>",
    b"<a>" * 20000, b"\xff\xfe<\x00", b"",
]  # fmt: skip
TYPES = [
    "application/json", "application/dicom+json", "application/dicom+xml", "application/octet-stream", "text/plain",
    "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/dicom", "\xff/\x7f",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it goes over the wire; `route` is its pattern."""

    method: str
    route: str
    target: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


def methods(routes: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """Every method of every route."""
    for route in routes:
        for method in sorted(route.methods):
            yield method, route


def filled(path: str, text: str) -> str:
    """The path with this text for every parameter."""
    return re.sub(r"\{[^}]*\}", lambda _: text, path)


def query_names(route: Any) -> list[str]:
    """The names of a route's query parameters, or some that DICOMweb knows."""
    return [field.alias for field in route.dependant.query_params] or ["PatientName", "limit", "?"]


def encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    """Headers as bytes, whatever they hold."""
    return [(name.encode(), value.encode("utf-8", "surrogatepass")) for name, value in headers.items()]


def random_request(rng: Random, method: str, route: Any, known: Mapping[str, str], file: bytes) -> Request:
    """A request to this route with odd parts drawn at random.

    `known` has a key and, by the name of a path's parameter, a value that exists; `file` is a DICOM instance.
    """

    def parameter(match: re.Match[str]) -> str:
        real = known.get(match[1].partition(":")[0], "1")
        return real if rng.random() < 0.7 else rng.choice([*TEXTS, *known.values()])

    target = re.sub(r"\{([^}]*)\}", parameter, route.path)
    if rng.random() < 0.5:
        names = [*query_names(route), "accept", "includefield", "upload"]
        some = rng.sample(names, rng.randint(1, min(4, len(names))))
        target += "?" + "&".join(f"{name}={rng.choice([*TEXTS, *known.values(), 'direct', '1'])}" for name in some)
    headers = {"Host": "127.0.0.1", "Authorization": f"Bearer {known['key']}"}
    body = b""
    if method in {"POST", "PUT", "PATCH"} or rng.random() < 0.05:
        kind, body = _body(rng, route.path, file)
        headers |= {"Content-Type": kind, "Content-Length": str(len(body))}
    for _ in range(rng.choice([0, 0, 1, 2])):
        headers |= rng.choice(HEADERS)
    return Request(method, route.path, target, tuple(encoded(headers)), body)


def _body(rng: Random, path: str, file: bytes) -> tuple[str, bytes]:
    kind = rng.randrange(6)
    if kind == 0:
        return content_type(), mutate(rng, multipart([file]))
    if kind == 1:
        return rng.choice(TYPES), rng.choice(XML)
    if kind == 2:
        return rng.choice(TYPES), rng.choice(JSON)
    if kind == 3:
        return rng.choice(TYPES), rng.randbytes(rng.randrange(300))
    value = rng.choice(NESTED) if "workitems" in path else {FIELDS.get(path, "x"): rng.choice(VALUES)}
    return "application/json", json.dumps(VALID | value if "workitems" in path else value).encode()
