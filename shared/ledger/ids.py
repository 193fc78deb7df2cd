"""Identifiers."""

from __future__ import annotations

import secrets


def new_id(kind: str) -> str:
    """Return a new identifier that can't be guessed, such as `job_4k...`."""
    return f"{kind}_{secrets.token_hex(12)}"
