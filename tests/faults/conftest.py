"""The rig on PostgreSQL, Valkey and S3 where PostgreSQL is installed; on the embedded default too, or instead.

By default a short version of the matrix runs; VISCERA_FAULTS_FULL=1 runs every cell, on both. VISCERA_FAULTS_ON
(`servers`, `embedded`) chooses where.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from services.client import Client
from services.local import LocalSystem
from shared.geometry import Geometry
from shared.ledger import open_ledger
from shared.phantoms import abdomen
from shared.store import open_store
from tests import contracts
from tests.faults.rig import Rig
from tests.postgresql import programs
from tests.scans import write_nifti

HERE = Path(__file__).parent
FULL = bool(os.environ.get("VISCERA_FAULTS_FULL"))
ON = "servers,embedded" if FULL else "servers" if programs() else "embedded"
BACKENDS = os.environ.get("VISCERA_FAULTS_ON", ON).split(",")


def pytest_collection_modifyitems(config, items):
    """Leaves the short version: every kill of a child, and of the rest one stage in the middle of its work."""
    here = [item for item in items if item.path.parent == HERE]
    left_out = [] if FULL else [item for item in here if not in_short_version(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def in_short_version(item) -> bool:
    given = item.callspec.params if hasattr(item, "callspec") else {}
    if given.get("what") == "kill":
        return True
    return given.get("stage", "segmenter") == "segmenter" and (
        item.originalname.startswith("test_gateway") or given.get("point", "mid-work") == "mid-work"
    )


@pytest.fixture(scope="session", params=BACKENDS)
def rig(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("faults")
    urls = {}
    if request.param == "servers":
        server, endpoint = request.getfixturevalue("postgresql"), request.getfixturevalue("s3")
        database = contracts.create_database(server)
        urls = {"VISCERA_LEDGER_URL": database, "VISCERA_STORE_URL": contracts.s3_bucket(endpoint)}
    (folder / "faults").mkdir()
    urls |= {"VISCERA_FAULTS": str(folder / "faults"), "VISCERA_LEASE_SECONDS": "3", "VISCERA_THREADS": "1"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in urls.items():
            patch.setenv(name, value)
        with LocalSystem(folder / "data", calm=0.5) as system, Client(system.url, system.key) as client:
            system.wait_ready()
            ledger = open_ledger(urls.get("VISCERA_LEDGER_URL", f"sqlite:///{system.data / 'ledger.db'}"))
            store = open_store(urls.get("VISCERA_STORE_URL", f"file://{system.data / 'store'}"))
            made = Rig(system, client, ledger, store, folder / "faults", small_scan(folder / "scan.nii.gz"))
            made.check(made.submit())
            yield made
            ledger.close()


def small_scan(path):
    """A coarse phantom in which the models find something to outline."""
    affine = np.diag([3.0, 3.0, -8.0, 1.0])
    affine[:3, 3] = [-142.5, -142.5, 92.0]
    return write_nifti(path, abdomen(Geometry((24, 96, 96), affine)).volume)


@pytest.fixture(autouse=True)
def _disarmed(rig):
    """No fault waits over from one cell to the next."""
    yield
    rig.clear()


@pytest.fixture
def server_only(rig):
    """For faults that a ledger in a file can't have."""
    if rig.ledger.engine.dialect.name != "postgresql":
        pytest.skip("the ledger is a file here, not a server")
