"""Identifiers."""

from __future__ import annotations

import secrets


def new_id(kind: str) -> str:
    """A fresh identifier nobody can guess, such as `job_4k...`."""
    return f"{kind}_{secrets.token_hex(12)}"
