"""A real Valkey server on a free loopback port, for as long as a context lasts."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from services.local import _valkey_binary, free_port


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """Runs a fresh server that keeps nothing; yields the URL of its first database."""
    port = free_port()
    command = [_valkey_binary(), "--bind", "127.0.0.1", "--port", str(port), "--save", ""]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    try:
        with redis.Redis(port=port, retry_on_error=[redis.ConnectionError]) as probe:
            while process.poll() is None:
                try:
                    probe.ping()
                    break
                except redis.ConnectionError:
                    continue
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.kill()
        process.wait()
