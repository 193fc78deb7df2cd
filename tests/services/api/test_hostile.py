"""Every hostile file gets its code within bounds, and the service goes on as if nothing had been."""

import hashlib
import multiprocessing
import resource
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from services.api import codes
from services.api.app import create_app
from shared import sandbox
from shared.errors import BadScan
from shared.imaging.phantoms import abdomen
from shared.ledger import api_keys, open_ledger
from shared.settings import Settings
from tests.support import hostile
from tests.support.scans import small_grid, write_nifti

BASE = 256 * 2**20
"""What a decoder may take beside the voxels; its interpreter and libraries come on top and are measured."""
ESCAPED = Path("/tmp/escaped.png")
"""Where one of the tricks with names points."""
HARMLESS = {
    "nifti-dimensions-4", "nifti-dimensions-7", "nifti-offset-inside", "nifti-slope-nan", "nifti-slope-inf",
    "dicom-no-class", "dicom-deflated-damage",
}  # fmt: skip
"""Odd, but with voxels and geometry that every reader understands alike."""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return hostile.corpus(tmp_path_factory.mktemp("hostile"))


def test_the_corpus_is_large_and_harmless_to_carry(files):
    assert len(files) >= 150
    assert sum(len(content) for _, content in files) < 20e6


@dataclass(frozen=True)
class Told:
    """What each file was answered, what the decoders cost, and how the service answered a good scan afterwards."""

    codes: dict[str, str]
    seconds: float
    bytes: int
    after: int


def run(folder: Path) -> Told:
    """In a process of its own, so that no other child is counted among the decoders."""
    files = hostile.corpus(folder)
    given = Settings(
        ledger_url=f"sqlite:///{folder / 'ledger.db'}", store_url=f"file://{folder / 'store'}", spool=folder / "spool",
        broker_url="redis://127.0.0.1:1/0", requests_per_minute=0,
    )  # fmt: skip
    ledger = open_ledger(given.ledger_url)
    ledger.migrate()
    with ledger.write() as connection:
        api_keys.add_key(connection, "vsk_test", "default")
    ledger.close()

    def ask(file: tuple[str, bytes]) -> tuple[str, str]:
        name, content = file
        answer = client.post("/v1/jobs", content=content)
        if answer.status_code != 202:
            assert 400 <= answer.status_code < 500, (name, answer.text)
            return name, answer.json()["code"]
        path = folder / hashlib.sha256(name.encode()).hexdigest()
        path.write_bytes(content)
        try:
            sandbox.decode(path)
        except BadScan as error:
            return name, error.code
        return name, "decoded"

    headers = {"Authorization": "Bearer vsk_test"}
    with TestClient(create_app(given), headers=headers) as client, ThreadPoolExecutor(2) as pool:
        told = dict(pool.map(ask, files))
        good = write_nifti(folder / "good.nii.gz", abdomen(small_grid()).volume).read_bytes()
        after = client.post("/v1/jobs", content=good).status_code
    cost = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Told(told, cost.ru_utime + cost.ru_stime, cost.ru_maxrss * 1024, after)


@pytest.mark.timeout(900)
def test_every_file_is_answered_with_its_code_and_the_service_goes_on(tmp_path):
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
        told = alone.submit(run, tmp_path).result()
    listed = {*codes.SCAN, *codes.REQUEST}
    unlisted = {name: code for name, code in told.codes.items() if code not in listed}
    assert unlisted == dict.fromkeys(HARMLESS, "decoded")
    assert told.seconds / len(told.codes) < 2.0
    assert told.bytes < BASE + 200 * 2**20
    assert told.after == 202
    assert not ESCAPED.exists()
