"""Both clients, and the commands and examples of the pages for them, on the running system."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from shared.imaging.phantoms import abdomen
from tests.support.clients import KINDS, connected
from tests.support.scans import small_grid, write_nifti
from viscera_client import AsyncClient, Changed, JobFailed, Refused, ServiceError, uploading
from viscera_client.edits import Erase
from viscera_client.models import Cut, Drawing, Look, Opacity

DOCS = Path(__file__).parents[2] / "docs"
LINE = Drawing(kind="length", plane="axial", points=[(0.0, 0.0, 0.0), (30.0, 40.0, 0.0)], label="first")


@pytest.fixture(params=KINDS)
def each(request, system):
    with connected(request.param, system.url, system.key) as client:
        yield client


@pytest.fixture
def scan(tmp_path):
    return write_nifti(tmp_path / "scan.nii.gz", abdomen(small_grid()).volume)


@pytest.fixture
def job(request, each, scan, monkeypatch):
    """A finished job of a scan that one kind sends in parts, and the other twice with the same Idempotency-Key."""
    sends_parts = request.node.callspec.params["each"] == "sync"
    if sends_parts:
        monkeypatch.setattr(uploading, "IN_PARTS", 1000)
    shares, states = [], []
    job = each.submit(scan, shares.append, key="client-job", quality="light", spacing=(3.0, 1.5, 1.5))
    assert shares[-1] == 1.0
    if not sends_parts:
        assert each.submit(scan, key="client-job", quality="light", spacing=(3.0, 1.5, 1.5)).id == job.id
    assert each.wait(job.id, lambda seen: states.append(seen.state)).id == job.id
    assert states[-1] == "succeeded"
    yield job.id
    each.delete(job.id)
    with pytest.raises(Refused, match="no such job"):
        each.job(job.id)


def test_a_job_from_its_submission_to_corrections_measurements_and_its_erasure(each, job, tmp_path):
    download_continues(each, job, tmp_path)
    assert list(each.events(job))[-1].state == "succeeded"
    assert {model.stage for model in each.models()} == {"classifier", "segmenter"}
    assert each.change(job, name="Case 7", tags=["first"], review="accepted").review == "accepted"
    page = each.jobs(q="Case", tag=["first"], limit=1)
    assert ([item.id for item in page.items], page.next) == ([job], None)
    correct(each, job, tmp_path)
    measure(each, job)
    save_views(each, job)
    assert (each.destinations(), each.deliveries(job)) == ([], [])
    with pytest.raises(Refused) as refused:
        each.send(job, "pacs")
    assert refused.value.status == 404
    with pytest.raises(Refused) as ended:
        each.cancel(job)
    assert ended.value.code == "job_succeeded"


def download_continues(client, job, folder):
    """A broken download continues, and parts of another file or another revision are thrown away."""
    client.download(job, "model.glb", folder / "whole.glb")
    whole = (folder / "whole.glb").read_bytes()
    assert whole[:4] == b"glTF"
    for name, part in (("broken", whole[:1000]), ("longer", whole * 2), ("other", b"x" * 1000)):
        (folder / f"{name}.glb.part").write_bytes(part)
        client.download(job, "model.glb", folder / f"{name}.glb")
        assert (folder / f"{name}.glb").read_bytes() == whole


def correct(client, job, folder):
    etag = client.download(job, "labels.nii.gz", folder / "labels.nii.gz")
    image = nib.load(folder / "labels.nii.gz")
    labels = np.asarray(image.dataobj).copy()
    labels[labels == 3] = 0
    nib.save(nib.Nifti1Image(labels, image.affine), folder / "corrected.nii.gz")
    second = client.correct(job, folder / "corrected.nii.gz", etag)
    with pytest.raises(Changed) as changed:
        client.edit(job, [Erase(label=1)], etag)
    assert (changed.value.code, changed.value.members["revision"]) == ("revision_changed", 2)
    third = client.edit(job, [Erase(label=1)], second.etag)
    client.download(job, "model.glb", folder / "third.glb", revision=third.revision)
    assert [revision.kinds for revision in client.revisions(job)] == [[], ["labels"], ["erase"]]
    present = {number: volumes(client.report(job, revision=number)) for number in (1, 2, 3)}
    assert present == {1: {1, 2, 3}, 2: {1, 2}, 3: {2}}


def volumes(report):
    return {organ.label for organ in report.organs if organ.volume_ml > 0}


def measure(client, job):
    first = client.measure(job, "line-0001", LINE)
    assert (first.value, first.unit) == (pytest.approx(50.0), "mm")
    renamed = client.measure(job, "line-0001", LINE.model_copy(update={"label": "second"}), etag=first.etag)
    with pytest.raises(Changed):
        client.measure(job, "line-0001", LINE, etag=first.etag)
    assert client.measurements(job) == [renamed]
    client.delete_measurement(job, "line-0001")
    assert client.measurements(job) == []


def save_views(client, job):
    front = Look(
        camera=(0.0, -400.0, 0.0), target=(0.0, 0.0, 0.0), opacities=[Opacity(label=3, opacity=0.2)], apart=0.5
    )
    first = client.save_view(job, "view-0001", "Front", front)
    assert (first.name, first.look) == ("Front", front)
    cut = front.model_copy(update={"cut": Cut(axis="axial", part=0.4)})
    second = client.save_view(job, "view-0001", "Front, cut", cut, etag=first.etag)
    with pytest.raises(Changed):
        client.save_view(job, "view-0001", "Front", front, etag=first.etag)
    assert client.views(job) == [second]
    client.delete_view(job, "view-0001")
    assert client.views(job) == []


def test_many_jobs_at_once_from_one_loop(system, scan):
    async def go():
        async with AsyncClient(system.url, system.key) as client:
            # The first one is also the job of the page's example, which has the same key: that saves a job.
            keys = ("visit-19", None, None, None)
            jobs = await asyncio.gather(*(client.submit(scan, key=key, quality="light") for key in keys))
            return await asyncio.gather(*(client.wait(job.id) for job in jobs))

    assert [job.state for job in asyncio.run(go())] == ["succeeded"] * 4


def test_a_cancelled_job_and_a_file_that_is_no_scan_have_the_services_codes(client, scan, tmp_path):
    job = client.submit(scan)
    assert client.cancel(job.id).state == "cancelled"
    with pytest.raises(JobFailed) as failed:
        client.wait(job.id)
    assert (failed.value.code, failed.value.job.id) == ("job_cancelled", job.id)
    (tmp_path / "no.scan").write_bytes(b"nothing")
    with pytest.raises(Refused) as refused:
        client.submit(tmp_path / "no.scan")
    assert refused.value.code == "not_a_scan"


def test_an_address_without_a_server_is_unreachable():
    for kind in KINDS:
        with connected(kind, "http://127.0.0.1:1", "k") as nobody, pytest.raises(ServiceError) as away:
            nobody.jobs()
        assert away.value.code == "unreachable"


def examples(page, language):
    """The examples of a page in their order, as one program."""
    return "\n".join(re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(), re.DOTALL))


def run(system, folder, *command):
    environment = os.environ | {"VISCERA": system.url, "KEY": system.key}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed on this machine")
def test_every_command_of_the_page_works_as_it_stands(system, scan, tmp_path):
    commands = examples("curl.md", "sh")
    assert commands.count("curl") >= 10
    run(system, scan.parent, "sh", "-eu", "-c", commands)
    assert (tmp_path / "model.glb").read_bytes()[:4] == b"glTF"
    assert (tmp_path / "slice.png").read_bytes()[:4] == b"\x89PNG"
    assert "event: job" in (tmp_path / "events.txt").read_text()


def test_the_python_examples_work_as_they_stand(system, scan, tmp_path):
    said = run(system, scan.parent, sys.executable, "-P", "-c", examples("clients.md", "python"))
    assert "Stomach" in said
    assert (tmp_path / "model.glb").read_bytes()[:4] == b"glTF"
    assert (tmp_path / "corrected.glb").read_bytes() != (tmp_path / "model.glb").read_bytes()
