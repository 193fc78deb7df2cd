"""Fixtures every test may use; real scans are read where VISCERA_DATA says."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real scans, or a skip that says how to bring them."""
    folder = os.environ.get("VISCERA_DATA", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("real scans are not here: set VISCERA_DATA to their folder")
    return Path(folder).resolve()
