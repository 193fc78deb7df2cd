"""One embedded system of real processes for all end-to-end tests."""

import pytest

from services.local import LocalSystem
from viscera_client import Client


@pytest.fixture(scope="session")
def system(tmp_path_factory):
    with LocalSystem(tmp_path_factory.mktemp("system")) as running:
        running.wait_ready()
        yield running


@pytest.fixture
def client(system):
    with Client(system.url, system.key) as made:
        yield made
