"""Sends webhooks, signed after the Standard Webhooks specification, and never into the internal network.

Only https and only public addresses, unless configured. The address that was checked is the one that is connected to.
No redirects, no proxies from the environment.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import json
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

from shared.errors import VisceraError
from shared.outbound.addresses import Address, Network, embedded, is_public

SECONDS = 15.0
_HTTPS, _HTTP, _FIRST_FREE_PORT = 443, 80, 1024
"""Lower ports belong to services that speak other protocols."""


class BadTarget(VisceraError):
    """A webhook must not be sent to this URL."""

    code = "bad_webhook_url"
    status = 422


@dataclass(frozen=True, slots=True)
class Policy:
    """Exceptions from public https: plain http, and named private networks."""

    http: bool = False
    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, http: bool, networks: str) -> Policy:
        """Return the policy of the settings: networks in CIDR notation, separated by commas."""
        return cls(http, tuple(ipaddress.ip_network(part.strip()) for part in networks.split(",") if part.strip()))

    def check(self, url: str) -> SplitResult:
        """Return the parts of the URL.

        Raises BadTarget for what can be refused without a DNS query.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise BadTarget("The webhook's URL is not a URL.") from None
        if parts.scheme not in ({"https", "http"} if self.http else {"https"}) or not parts.hostname or port == 0:
            raise BadTarget("A webhook's URL begins with https:// and names a host.")
        if parts.username is not None or parts.password is not None or parts.fragment:
            raise BadTarget("A webhook's URL has no password and no fragment.")
        if port is not None and port < _FIRST_FREE_PORT and port not in ({_HTTPS, _HTTP} if self.http else {_HTTPS}):
            raise BadTarget("A webhook's port is 443 or above 1023.")
        return parts

    def resolve(self, parts: SplitResult) -> Address:
        """Return the address to connect to.

        Raises BadTarget unless every address of the host is allowed.
        """
        port = parts.port or (_HTTPS if parts.scheme == "https" else _HTTP)
        try:
            entries = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise BadTarget("The webhook's host has no address.") from None
        addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in entries]
        if not all(self._allowed(address) for address in addresses):
            raise BadTarget("The webhook's host is in a network that webhooks may not reach.")
        return addresses[0]

    def _allowed(self, address: Address) -> bool:
        inner = embedded(address)
        named = any(candidate in network for network in self.networks for candidate in (address, inner))
        return named or is_public(address)


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return `v1,<base64>`: HMAC-SHA256 of `id.timestamp.body` (Standard Webhooks, "Signature scheme")."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def headers(message_id: str, secrets: Sequence[str], body: bytes, timestamp: int) -> dict[str, str]:
    """Return the headers of the specification, signed with every valid secret."""
    signatures = " ".join(signature(secret, message_id, timestamp, body) for secret in secrets)
    return {"webhook-id": message_id, "webhook-timestamp": str(timestamp), "webhook-signature": signatures}


def encode(payload: Mapping[str, Any]) -> bytes:
    """Return the body: the same bytes at every attempt."""
    return json.dumps(payload, separators=(",", ":"), sort_keys=True).encode()


def send(url: str, message_id: str, secrets: Sequence[str], payload: Mapping[str, Any], policy: Policy) -> int:
    """Send one message and return the HTTP status, within fifteen seconds as a whole.

    Raises BadTarget, TimeoutError, or httpx's errors.
    """
    parts = policy.check(url)
    address = policy.resolve(parts)
    host = f"[{address}]" if address.version == 6 else str(address)
    pinned = urlunsplit(parts._replace(netloc=f"{host}:{parts.port}" if parts.port else host))
    body = encode(payload)
    sent = headers(message_id, secrets, body, int(time.time()))
    sent |= {"Host": parts.netloc, "Content-Type": "application/json", "User-Agent": "Viscera"}
    return asyncio.run(_post(pinned, body, sent, parts.hostname))


async def _post(url: str, body: bytes, headers: Mapping[str, str], name: str | None) -> int:
    import httpx  # only the sender has httpx installed

    async with (
        asyncio.timeout(SECONDS),  # timeouts of httpx are for each read: a receiver that sends slowly has no end
        httpx.AsyncClient(timeout=SECONDS, follow_redirects=False, trust_env=False) as client,
        client.stream("POST", url, content=body, headers=headers, extensions={"sni_hostname": name}) as response,
    ):
        return response.status_code
