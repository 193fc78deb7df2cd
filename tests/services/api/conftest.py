import threading
import time

import httpx
import pytest
import uvicorn
from fastapi.testclient import TestClient

from services.api.app import create_app
from services.local import free_port
from shared.imaging.phantoms import abdomen
from shared.ledger import api_keys, open_ledger
from shared.settings import Settings
from tests.support import contracts
from tests.support.scans import small_grid, write_nifti

KEY = "vsk_test"


@pytest.fixture
def settings(tmp_path) -> Settings:
    """A gateway of its own; nobody listens on the broker's port, which must not matter."""
    return Settings(
        ledger_url=contracts.sqlite_url(tmp_path),
        store_url=f"file://{tmp_path / 'store'}",
        broker_url="redis://127.0.0.1:1/0",
        spool=tmp_path / "spool",
        max_upload_bytes=2_000_000,
        loopback=True,
    )


@pytest.fixture
def app(settings):
    ledger = open_ledger(settings.ledger_url)
    with ledger.write() as connection:
        api_keys.add_key(connection, KEY, "default")
        api_keys.add_key(connection, "vsk_other", "other")
    ledger.close()
    return create_app(settings)


@pytest.fixture
def client(app):
    with TestClient(app, headers={"Authorization": f"Bearer {KEY}"}, raise_server_exceptions=False) as made:
        yield made


@pytest.fixture
def stranger(app):
    with TestClient(app, headers={"Authorization": "Bearer vsk_other"}, raise_server_exceptions=False) as made:
        yield made


@pytest.fixture
def live(app):
    """The gateway on a loopback port, for what only shows over the wire."""
    server = uvicorn.Server(uvicorn.Config(app, port=free_port(), log_config=None, access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    headers = {"Authorization": f"Bearer {KEY}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{server.config.port}", headers=headers, timeout=30.0) as made:
        yield made
    server.should_exit = True
    thread.join(20)


@pytest.fixture
def ledger(settings):
    made = open_ledger(settings.ledger_url)
    yield made
    made.close()


@pytest.fixture
def scan(tmp_path) -> bytes:
    return write_nifti(tmp_path / "scan.nii.gz", abdomen(small_grid()).volume).read_bytes()
