"""A real PostgreSQL server on a free loopback port, from the system's own programs, for one test session."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.local import free_port


def programs() -> Path | None:
    """The folder of PostgreSQL's server programs, or None where it is not installed."""
    found = shutil.which("initdb")
    candidates = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in candidates if (folder / "initdb").exists()), None)


@contextmanager
def server(bin_folder: Path, *, flushes: bool = True) -> Iterator[str]:
    """Runs a fresh server; yields its SQLAlchemy URL.

    Without `flushes` it does not wait for the disk: it survives the death of its processes, but not of the machine.
    """
    folder = Path(tempfile.mkdtemp(prefix="viscera-postgresql-"))
    as_user: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        as_user = ["runuser", "-u", "postgres", "--"]
        shutil.chown(folder, "postgres")
    port = free_port()
    cluster = str(folder / "data")

    def call(*command: str) -> None:
        subprocess.run([*as_user, *command], check=True, stdout=subprocess.DEVNULL, timeout=60, cwd="/")

    call(str(bin_folder / "initdb"), "-D", cluster, "-U", "viscera", "--auth=trust", "-E", "UTF8")
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder}"
    options += "" if flushes else " -c fsync=off"
    call(str(bin_folder / "pg_ctl"), "-D", cluster, "-w", "-l", str(folder / "log"), "-o", options, "start")
    try:
        yield f"postgresql+psycopg://viscera@127.0.0.1:{port}/postgres"
    finally:
        call(str(bin_folder / "pg_ctl"), "-D", cluster, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)
