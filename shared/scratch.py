"""Folders for files of one request or stage; what a killed process left behind is swept."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "viscera-work-"


@contextmanager
def folder(parent: Path | None = None, prefix: str = PREFIX) -> Iterator[Path]:
    """Yield a new folder in `parent` (by default the system's temporary folder); it is deleted afterwards.

    It is locked while the context lasts. The lock ends with the process, which tells a sweep that nobody uses the
    folder. It gets its name after the lock, so a sweep never sees it without.
    """
    place = parent or Path(tempfile.gettempdir())
    unnamed = Path(tempfile.mkdtemp(prefix=".viscera-new-", dir=place))
    lock = os.open(unnamed, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    path = unnamed.rename(place / (prefix + secrets.token_hex(8)))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def sweep(parent: Path | None = None, prefixes: tuple[str, ...] = (PREFIX,)) -> int:
    """Delete the folders of these prefixes that no process uses; return how many."""
    swept = 0
    for path in (parent or Path(tempfile.gettempdir())).iterdir():
        if path.name.startswith(prefixes) and path.is_dir() and not path.is_symlink() and _is_free(path):
            shutil.rmtree(path, ignore_errors=True)
            swept += 1
    return swept


def _is_free(path: Path) -> bool:
    try:
        lock = os.open(path, os.O_RDONLY)
    except OSError:  # another user's, or gone meanwhile
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(lock)
    return True
