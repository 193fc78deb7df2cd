"""Folders of the spool, where scans are while a request lasts; what a killed gateway left there is swept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared import scratch

_PREFIXES = ("upload-", "stow-", "wado-", "export-", "labels-")


@contextmanager
def spool_folder(spool: Path, purpose: str) -> Iterator[Path]:
    """Yield a new folder for one request (upload, stow, wado, export or labels); it is deleted afterwards."""
    if f"{purpose}-" not in _PREFIXES:
        raise ValueError(f"not a purpose of the spool: {purpose}")
    spool.mkdir(parents=True, exist_ok=True)
    with scratch.folder(spool, f"{purpose}-") as path:
        yield path


def sweep(spool: Path) -> int:
    """Delete the folders that no process uses, also of gateways that were killed; return how many."""
    spool.mkdir(parents=True, exist_ok=True)
    return scratch.sweep(spool, _PREFIXES)
