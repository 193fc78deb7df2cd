"""npm packages, development ones included, beside the sources that need them; installed once per lock file."""

import hashlib
import subprocess
from pathlib import Path

import pytest

from services.bundle import SOURCES, BundleError, node

TYPESCRIPT_CLIENT = Path(__file__).parents[2] / "viscera_client" / "typescript"


def installed(sources=SOURCES):
    """The folder of the sources with `node_modules` as locked, and Node's program; skips where npm can't."""
    stamp = sources / "node_modules" / ".locked"
    try:
        program, npm = node()
    except BundleError as error:
        pytest.skip(error.detail)
    lock = hashlib.sha256((sources / "package-lock.json").read_bytes()).hexdigest()
    if not stamp.is_file() or stamp.read_text() != lock:
        command = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"]
        ended = subprocess.run(command, cwd=sources, capture_output=True, text=True, timeout=240, check=False)
        if ended.returncode != 0:
            pytest.skip(f"the npm packages can't be installed here: {ended.stderr.strip()[:200]}")
        stamp.write_text(lock)
    return sources, program
