"""What both kinds of client know about their server."""

from __future__ import annotations

from typing import Any

import httpx

from viscera_client.models import Job

TIMEOUT, PATIENCE = 60.0, 60.0
"""Seconds of one request, and of its waits for a service that is busy."""


def settings(url: str, key: str, timeout: float, verify: Any) -> dict[str, Any]:
    """Return the arguments of an httpx client. No proxies from the environment for a server on this machine."""
    is_loopback = httpx.URL(url).host in {"127.0.0.1", "localhost", "::1"}
    headers = {"Authorization": f"Bearer {key}"}
    return {"base_url": url, "headers": headers, "timeout": timeout, "verify": verify, "trust_env": not is_loopback}


def silent(_: float) -> None:
    """Report no progress."""


def ignore(_: Job) -> None:
    """Follow no job."""
