"""The rig on PostgreSQL, Valkey and S3 where PostgreSQL is installed; on the embedded default too, or instead.

By default a short version of the matrix runs; VISCERA_FAULTS_FULL=1 runs every cell, on both. VISCERA_FAULTS_ON
(`servers`, `embedded`) chooses where. The services and their processes are the real ones, their networks tiny.
"""

import os
import subprocess
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest

from services.local import LocalSystem, free_port
from shared.imaging.phantoms import abdomen
from shared.imaging.volume import Volume
from shared.ledger import open_ledger
from shared.storage.connect import open_store
from tests.faults.database_proxy import DatabaseProxy
from tests.faults.rig import Disk, Rig
from tests.faults.s3_proxy import S3Proxy
from tests.support import contracts
from tests.support.archive import Archive
from tests.support.postgresql import programs
from tests.support.scans import small_grid, write_dicom, write_nifti
from tests.support.tiny_models import tiny_models
from viscera_client import Client

HERE = Path(__file__).parent
FULL = bool(os.environ.get("VISCERA_FAULTS_FULL"))
BACKENDS = os.environ.get("VISCERA_FAULTS_ON", "servers,embedded" if programs() else "embedded").split(",")
DIMSE_SHORT = {"test_nothing_is_acknowledged_on_a_full_disk", "test_a_delivery_by_c_store_breaks_and_is_repeated"}
"""Of `test_dimse`, beside those that kill the node."""
ON_SERVERS, ON_DISK = {"database", "s3_proxy", "server_only"}, {"disk"}
"""Fixtures of cells that only one of both has: a server to stop, a disk to fill."""


def pytest_collection_modifyitems(config, items):
    """Leaves the cells that there are, and of them the short version unless all are asked for."""
    here = [item for item in items if item.path.parent == HERE]
    left_out = [item for item in here if not exists(item) or not (FULL or in_short_version(item))]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def exists(item) -> bool:
    other = ON_DISK if item.callspec.params["rig"] == "servers" else ON_SERVERS
    return not other.intersection(item.fixturenames)


def in_short_version(item) -> bool:
    """Every kill of a child, and of the rest one stage in the middle of its work, on servers where there are some."""
    given = item.callspec.params
    if given["rig"] != BACKENDS[0] and not ON_DISK.intersection(item.fixturenames):
        return False
    if given.get("what") == "kill":
        return True
    if item.path.stem == "test_dimse":
        return item.originalname in DIMSE_SHORT and given.get("how", "aborts") == "aborts" and not given.get("place")
    return given.get("stage", "segmenter") == "segmenter" and (
        item.originalname.startswith("test_gateway") or given.get("point", "mid-work") == "mid-work"
    )


@pytest.fixture(scope="package", params=BACKENDS)
def rig(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("faults")
    (folder / "faults").mkdir()
    settings = tiny_models(folder / "models") | {
        "VISCERA_FAULTS": str(folder / "faults"), "VISCERA_LEASE_SECONDS": "3", "VISCERA_THREADS": "1",
        "VISCERA_CHILD_MEMORY": str(1 << 31), "VISCERA_FREE_BYTES": str(4 << 20),
        "VISCERA_MODELS": str(folder / "added"),
    }  # fmt: skip
    with ExitStack() as stack:
        outside, proxies = {}, {}
        if request.param == "servers":
            ledger_url = contracts.create_database(request.getfixturevalue("postgresql"))
            endpoint = request.getfixturevalue("s3")
            store_url = contracts.s3_bucket(endpoint)
            outside = {"ledger": ledger_url, "store": store_url}
            proxies["database"] = stack.enter_context(DatabaseProxy(ledger_url).running())
            proxies["s3"] = stack.enter_context(S3Proxy(endpoint).running())
            settings["VISCERA_LEDGER_URL"] = proxies["database"].url
            settings["VISCERA_STORE_URL"] = store_url.replace(endpoint, proxies["s3"].url)
        else:
            proxies["disk"] = stack.enter_context(small_disk(folder / "data" / "store"))
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in settings.items():
            patch.setenv(name, value)
        archive = stack.enter_context(Archive(free_port()).running())
        patch.setenv("VISCERA_DESTINATIONS", str(destinations(folder, archive.port)))
        dimse = free_port()
        system = stack.enter_context(LocalSystem(folder / "data", calm=0.5, dimse=(dimse, "VISCERA")))
        client = stack.enter_context(Client(system.url, system.key, patience=0.0))
        system.wait_ready()
        ledger = open_ledger(outside.get("ledger", f"sqlite:///{system.data / 'ledger.db'}"))
        store = open_store(outside.get("store", f"file://{system.data / 'store'}"))
        scan = painted_scan(folder / "scan.nii.gz")
        made = Rig(system, client, ledger, store, folder / "faults", scan, dimse=dimse, archive=archive, **proxies)
        made.check(made.submit())
        yield made
        ledger.close()


def destinations(folder, port):
    path = folder / "destinations.toml"
    path.write_text(f'[[destination]]\nname = "pacs"\nurl = "dimse://PACS@127.0.0.1:{port}"\nseconds = 5.0\n')
    return path


def painted_scan(path):
    """A file of the painted phantom."""
    return write_nifti(path, painted())


def painted_series(folder):
    """A folder with the painted phantom as a DICOM series."""
    return write_dicom(folder, painted())


def painted():
    """The phantom's labels as grey levels, which the tiny segmenter tells apart."""
    phantom = abdomen(small_grid())
    data = (phantom.labels.data * 100).astype(np.uint16)
    return Volume(data, phantom.volume.geometry, "MR", "nifti")


@contextmanager
def small_disk(folder):
    """A small file system of its own in the folder, where this user may mount one; else none."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", "size=1g", "tmpfs", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(command, check=False, capture_output=True).returncode == 0
    try:
        yield Disk(folder) if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=False)


@pytest.fixture(autouse=True)
def _disarmed(rig):
    """No fault waits over from one cell to the next."""
    yield
    rig.clear()


@pytest.fixture
def server_only(rig):
    """For faults that a ledger in a file can't have."""


@pytest.fixture
def database(rig):
    """The proxy before PostgreSQL."""
    return rig.database


@pytest.fixture
def s3_proxy(rig):
    """The proxy before the S3 server."""
    return rig.s3


@pytest.fixture
def disk(rig):
    """The small disk that the store lies on."""
    if rig.disk is None:
        pytest.skip("this user may not mount a small disk")
    return rig.disk
