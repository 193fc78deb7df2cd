"""Folders of the spool, where scans are while a request lasts; what a killed gateway left there is swept."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIXES = ("upload-", "stow-", "wado-", "export-")


@contextmanager
def spool_folder(spool: Path, purpose: str) -> Iterator[Path]:
    """Yield a new folder for one request (upload, stow, wado or export); it is deleted afterwards.

    It is locked while the request lasts: the lock ends with the process, which tells a sweep that nobody uses it.
    """
    if f"{purpose}-" not in _PREFIXES:
        raise ValueError(f"not a purpose of the spool: {purpose}")
    spool.mkdir(parents=True, exist_ok=True)
    with _locked(spool, fcntl.LOCK_SH):  # no sweep between the folder and its lock
        path = Path(tempfile.mkdtemp(prefix=f"{purpose}-", dir=spool))
        lock = os.open(path, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def sweep(spool: Path) -> int:
    """Delete the folders that no process uses, also of gateways that were killed; return how many."""
    spool.mkdir(parents=True, exist_ok=True)
    swept = 0
    with _locked(spool, fcntl.LOCK_EX):
        for path in spool.iterdir():
            if path.name.startswith(_PREFIXES) and path.is_dir() and not path.is_symlink() and _is_free(path):
                shutil.rmtree(path, ignore_errors=True)
                swept += 1
    return swept


def _is_free(path: Path) -> bool:
    try:
        with _locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB):
            return True
    except OSError:  # in use, or gone meanwhile
        return False


@contextmanager
def _locked(path: Path, kind: int) -> Iterator[None]:
    lock = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(lock, kind)
        yield
    finally:
        os.close(lock)
