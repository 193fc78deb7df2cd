"""The web application's npm packages, development ones included, beside its sources; installed once per lock file."""

import hashlib
import subprocess

import pytest

from services.bundle import SOURCES, BundleError, node

STAMP = SOURCES / "node_modules" / ".locked"


def installed():
    """The folder of the sources with `node_modules` as locked, and Node's program; skips where npm can't."""
    try:
        program, npm = node()
    except BundleError as error:
        pytest.skip(error.detail)
    lock = hashlib.sha256((SOURCES / "package-lock.json").read_bytes()).hexdigest()
    if not STAMP.is_file() or STAMP.read_text() != lock:
        command = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"]
        ended = subprocess.run(command, cwd=SOURCES, capture_output=True, text=True, timeout=240, check=False)
        if ended.returncode != 0:
            pytest.skip(f"the npm packages can't be installed here: {ended.stderr.strip()[:200]}")
        STAMP.write_text(lock)
    return SOURCES, program
