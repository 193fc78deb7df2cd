"""Fixtures every test may use; real scans are read where VISCERA_DATA says."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import s3 as s3_server
from tests.support.postgresql import programs as server_programs
from tests.support.postgresql import server

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # the processes under test would compile every module at each start


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real scans, or a skip that says how to bring them."""
    folder = os.environ.get("VISCERA_DATA", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("real scans are not here: set VISCERA_DATA to their folder")
    return Path(folder).resolve()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a real PostgreSQL server, or a skip where it is not installed."""
    programs = server_programs()
    if programs is None:
        pytest.skip("PostgreSQL's server is not installed on this machine")
    with server(programs, flushes=False) as url:
        yield url


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The endpoint of a real S3 server."""
    with s3_server.server() as endpoint:
        yield endpoint
