"""The store has a bad day: an S3 server that fails in every way, a disk that is full."""

import hashlib
import os
import time

import httpx
import pytest

from shared.ledger import history
from shared.ledger.jobs import STAGES
from tests.faults.s3_proxy import FAULTS
from viscera_client import ServiceError

pytestmark = pytest.mark.timeout(150)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("method", "path"), [("GET", "/classifier/"), ("PUT", "/segmenter/")], ids=["read", "write"])
def test_s3_fails_a_stage(rig, s3_proxy, method, path, fault):
    armed = s3_proxy.arm(fault, method, path)
    job = rig.submit()
    rig.check(job)
    assert armed.struck
    assert rig.attempts(job, "segmenter") == 1, "that the store is away is no try"


@pytest.mark.parametrize("fault", FAULTS)
def test_gateway_can_not_write_to_s3(rig, s3_proxy, fault):
    armed = s3_proxy.arm(fault, "PUT", "/original")
    refused = set()
    for _ in range(6):
        try:
            job = rig.submit(key="written-" + fault)
            break
        except ServiceError as error:
            refused.add(error.code)
    rig.check(job)
    assert armed.struck
    assert refused <= {"store_unavailable"}


@pytest.mark.parametrize("fault", FAULTS)
def test_gateway_can_not_read_from_s3(rig, s3_proxy, fault):
    job = rig.submit()
    rig.check(job)
    armed = s3_proxy.arm(fault, "GET", "/model.glb")
    headers, address = {"Authorization": f"Bearer {rig.system.key}"}, f"{rig.system.url}/v1/jobs/{job}/model.glb"
    for _ in range(10):
        try:
            answer = httpx.get(address, headers=headers, timeout=60)
        except httpx.TransportError:
            continue
        if answer.status_code == 200:
            break
        assert answer.status_code == 503
    assert hashlib.sha256(answer.content).hexdigest() == rig.references["nifti"], "the whole file or an error"
    assert armed.struck


def test_nothing_is_accepted_on_a_full_disk(rig, disk):
    before = rig.client.jobs()
    disk.fill()
    with pytest.raises(ServiceError) as refused:
        rig.submit()
    assert refused.value.code in {"store_unavailable", "disk_full"}
    assert rig.client.jobs() == before
    disk.free()
    rig.check(rig.submit())


@pytest.mark.parametrize("stage", STAGES)
def test_disk_full_when_a_stage_publishes(rig, disk, stage):
    armed = rig.arm(stage, "mid-work", "stop")
    job = rig.submit()
    stalled = rig.taken(armed)
    disk.fill()
    os.kill(stalled, 18)
    until = time.monotonic() + 60
    while "given_back" not in kinds(rig, job) and time.monotonic() < until:
        time.sleep(0.05)
    disk.free()
    rig.check(job)
    assert "given_back" in kinds(rig, job)
    assert rig.attempts(job, stage) == 1, "that the store is full is no try"


def kinds(rig, job):
    with rig.ledger.read() as connection:
        return [event.kind for event in history.history(connection, job)]
