"""Compose's topology as plain processes passes every job on, whoever is asked to stop meanwhile."""

import signal

import pytest

from shared.imaging.phantoms import abdomen
from tests.support.scans import small_grid, write_nifti
from viscera_client import Client


@pytest.mark.timeout(400)
def test_jobs_pass_through_the_topology_while_its_workers_are_asked_to_stop(topology, tmp_path):
    running, start = topology.running, topology.start
    scan = write_nifti(tmp_path / "scan.nii.gz", abdomen(small_grid()).volume)
    with Client(topology.url, topology.key) as client:
        jobs = [client.submit(scan, quality="light") for _ in range(6)]
        for name in ("classifier", "segmenter", "mesher", "dimse", "reconciler"):
            old = running[name]
            running[name] = start(name)
            old.send_signal(signal.SIGTERM)
        ended = [client.wait(job.id) for job in jobs]
        assert {job.state for job in ended} == {"succeeded"}
        client.download(jobs[-1].id, "model.glb", tmp_path / "model.glb")
        assert (tmp_path / "model.glb").read_bytes()[:4] == b"glTF"
        assert len(client.models()) == 2
        key_in_logs = [path.name for path in tmp_path.glob("*.log") if topology.key in path.read_text()]
        assert key_in_logs == []
