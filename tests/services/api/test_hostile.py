"""Every hostile file gets its code within bounds, and the service goes on as if nothing had been."""

import resource
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from services.api import codes
from shared import sandbox
from shared.errors import BadScan
from tests import hostile

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


@pytest.mark.timeout(900)
def test_every_file_is_answered_with_its_code_and_the_service_goes_on(client, files, scan, tmp_path):
    start = resource.getrusage(resource.RUSAGE_CHILDREN)

    def ask(file) -> tuple[str, str]:
        name, content = file
        answer = client.post("/v1/jobs", content=content)
        if answer.status_code == 202:
            path = tmp_path / str(abs(hash(name)))
            path.write_bytes(content)
            try:
                sandbox.decode(path)
            except BadScan as error:
                return name, error.code
            return name, "decoded"
        assert 400 <= answer.status_code < 500, (name, answer.text)
        return name, answer.json()["code"]

    with ThreadPoolExecutor(2) as pool:
        told = dict(pool.map(ask, files))
    listed = {*codes.SCAN, *codes.REQUEST}
    assert {name: code for name, code in told.items() if code not in listed} == dict.fromkeys(HARMLESS, "decoded")
    end = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime) / len(files) < 2.0
    assert end.ru_maxrss * 1024 < BASE + 200 * 2**20
    assert client.post("/v1/jobs", content=scan).status_code == 202
    assert client.get("/livez").status_code == 200
    assert not ESCAPED.exists()
