"""Killed workers, a lost queue, bad scans, Ctrl-C: nothing is lost, nothing is left behind."""

import os
import signal
import subprocess
import sys
import time

import httpx
import psutil
import pytest

from shared.imaging.phantoms import abdomen
from tests.support.scans import write_nifti
from viscera_client import Client, ServiceError

SERVE_KEY = "vsk_serve_0123456789abcdef"


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    return write_nifti(tmp_path_factory.mktemp("scan") / "a.nii.gz", abdomen().volume)


def child(system, name):
    return next(child for child in system.children if child.name == name)


def stage_of(job, name):
    return next(stage for stage in job.stages if stage.name == name)


def kill_in_the_middle(system, client, scan, stage, group):
    """Kills the stage's worker (or only its child) with -9 while it works on one of several jobs; returns that job."""
    jobs = [client.submit(scan).id for _ in range(4)]
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for job in jobs:
            if stage_of(client.job(job), stage).state != "running":
                continue
            worker = psutil.Process(child(system, stage).process.pid)
            victims = worker.children(recursive=True) + ([worker] if group else [])
            for victim in victims:
                victim.send_signal(signal.SIGKILL)
            return job, jobs
    raise AssertionError("the stage was never seen running")


@pytest.mark.timeout(240)
@pytest.mark.parametrize(("stage", "group"), [("segmenter", True), ("classifier", False), ("mesher", True)])
def test_a_worker_killed_in_the_middle_of_a_stage_costs_no_job(system, client, scan, stage, group):
    struck, jobs = kill_in_the_middle(system, client, scan, stage, group)
    for job in jobs:
        assert client.wait(job).state == "succeeded"
    done = client.job(struck)
    assert stage_of(done, stage).attempts in (1, 2)  # 1 if it finished between the look and the kill


@pytest.mark.timeout(120)
def test_a_queue_that_forgets_everything_costs_no_job(system, client, scan):
    jobs = [client.submit(scan).id for _ in range(3)]
    child(system, "valkey").process.send_signal(signal.SIGKILL)
    for job in jobs:
        assert client.wait(job).state == "succeeded"


@pytest.mark.timeout(60)
def test_a_gateway_that_crashes_is_restarted(system, client):
    old = child(system, "gateway").process.pid
    os.kill(old, signal.SIGKILL)
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            if httpx.get(system.url + "/livez").status_code == 200 and child(system, "gateway").process.pid != old:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("the gateway did not come back")


BAD = {
    "pydicom-test_files/MR_truncated.dcm": "corrupt_scan",
    "pydicom-test_files/ExplVR_LitEndNoMeta.dcm": "not_a_scan",  # a treatment plan without preamble
    "dcm_qa_ct_GE_tilt_varspacing": "bad_geometry",
    "pydicom-test_files/rtplan.dcm": "not_a_scan",
    "pydicom-test_files/test-SR.dcm": "not_a_scan",
    "pydicom-test_files/waveform_ecg.dcm": "not_a_scan",
    "pydicom-test_files/dicomdirtests/DICOMDIR": "not_a_scan",
    "pydicom-test_files/rtdose.dcm": "unsupported_scan",
    "pydicom-test_files/SC_rgb_jpeg.dcm": "unsupported_scan",
    "pydicom-test_files/CT_small.dcm": "too_few_slices",
    "pydicom-test_files/badVR.dcm": "corrupt_scan",
    "pydicom-test_files/README.txt": "not_a_scan",
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_a_code_and_a_sentence_within_five_seconds(system, client, data, name):
    started = time.monotonic()
    with pytest.raises(ServiceError) as caught:
        client.wait(client.submit(data / "dicom" / name).id)
    assert time.monotonic() - started < 5.0
    assert (caught.value.code, caught.value.detail[-1]) == (BAD[name], ".")
    assert httpx.get(system.url + "/livez").status_code == 200


def test_damage_that_only_decoding_shows_ends_the_job_with_its_code(client, tmp_path):
    path = write_nifti(tmp_path / "a.nii", abdomen().volume)
    os.truncate(path, path.stat().st_size // 2)
    job = client.submit(path)
    with pytest.raises(ServiceError) as caught:
        client.wait(job.id)
    assert caught.value.code == "corrupt_scan"
    ended = client.job(job.id)
    assert (ended.state, ended.error.code) == ("failed", "corrupt_scan")


@pytest.mark.timeout(180)
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_serve_leaves_no_process_behind(tmp_path, how):
    environment = {**os.environ, "VISCERA_KEY": SERVE_KEY}
    command = [sys.executable, "-P", "-m", "services.cli", "serve", "--port", "0", "--data", str(tmp_path / "d")]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets background jobs ignore it
    serve = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    signal.signal(signal.SIGINT, before)
    try:
        url = serve.stdout.readline().split()[1]
        with Client(url, SERVE_KEY) as client:
            assert {model.stage for model in client.models()} == {"classifier", "segmenter"}
        family = psutil.Process(serve.pid).children(recursive=True)
        assert len(family) >= 9  # valkey, three workers and their children, reconciler, gateway
        serve.send_signal(how)
        serve.wait(timeout=30)
    finally:
        serve.kill()
        serve.stdout.close()
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
