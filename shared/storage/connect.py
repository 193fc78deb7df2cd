"""Opens the store that a URL names."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from shared.storage.base import Store
from shared.storage.local import LocalStore
from shared.storage.metered import MeteredStore


def open_store(url: str) -> Store:
    """Return the store at `file:PATH`, `file:///PATH` or `s3://BUCKET/PREFIX?endpoint=...&region=...`.

    Raises ValueError for another scheme.
    """
    parts = urlsplit(url)
    if parts.scheme == "s3":
        from shared.storage.s3 import S3Store  # boto3 is not installed in the embedded system

        return S3Store.from_url(url)
    if parts.scheme != "file":
        raise ValueError(f"unknown kind of store: {parts.scheme or url}")
    return LocalStore(Path(unquote(parts.path)))


def open_metered_store(url: str) -> Store:
    """Return the store at a URL with its calls timed and counted for Prometheus."""
    return MeteredStore(open_store(url))
