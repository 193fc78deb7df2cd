"""Both clients, and the commands of the page for curl, on the running system."""

import asyncio
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from services import client as client_module
from services.aio import AsyncClient
from services.client import Client, JobFailed
from shared.errors import BadScan, VisceraError
from shared.imaging.phantoms import abdomen
from tests.support.scans import small_grid, write_nifti

PAGE = Path(__file__).parents[2] / "docs" / "curl.md"


@pytest.fixture
def scan(tmp_path):
    return write_nifti(tmp_path / "scan.nii.gz", abdomen(small_grid()).volume)


def test_the_asynchronous_client_submits_follows_downloads_and_erases(system, scan, tmp_path):
    async def go() -> list[dict]:
        seen: list[dict] = []
        async with AsyncClient(system.url, system.key) as client:
            job = await client.submit(scan, key="async-1", quality="light")
            assert (await client.submit(scan, key="async-1", quality="light"))["id"] == job["id"]
            done = await client.wait(job["id"], seen.append)
            await client.download(job["id"], "model.glb", tmp_path / "model.glb")
            assert done["id"] in {item["id"] for item in await client.jobs(state="succeeded")}
            await client.delete(job["id"])
            with pytest.raises(BadScan, match="no such job"):
                await client.job(job["id"])
        return seen

    seen = asyncio.run(go())
    assert seen[-1]["state"] == "succeeded"
    assert (tmp_path / "model.glb").read_bytes()[:4] == b"glTF"


def test_many_jobs_at_once_from_one_loop(system, scan):
    async def go() -> list[dict]:
        async with AsyncClient(system.url, system.key) as client:
            jobs = await asyncio.gather(*(client.submit(scan, quality="light") for _ in range(4)))
            return await asyncio.gather(*(client.wait(job["id"]) for job in jobs))

    assert [job["state"] for job in asyncio.run(go())] == ["succeeded"] * 4


def test_failures_have_the_services_code_and_a_server_that_is_away_is_told(system, scan, tmp_path):
    async def go() -> None:
        async with AsyncClient(system.url, system.key) as client:
            job = await client.submit(scan)
            await client.cancel(job["id"])
            with pytest.raises(JobFailed) as error:
                await client.wait(job["id"])
            assert error.value.code == "job_cancelled"
            (tmp_path / "no.scan").write_bytes(b"nothing")
            with pytest.raises(BadScan) as refused:
                await client.submit(tmp_path / "no.scan")
            assert refused.value.code == "not_a_scan"
        async with AsyncClient("http://127.0.0.1:1", "k") as nobody:
            with pytest.raises(VisceraError) as away:
                await nobody.jobs()
            assert away.value.code == "unreachable"

    asyncio.run(go())


def test_large_files_go_in_parts_and_a_broken_download_goes_on(system, scan, tmp_path, monkeypatch):
    monkeypatch.setattr(client_module, "IN_PARTS", 1000)
    told = []
    with Client(system.url, system.key) as client:
        job = client.submit(scan, told.append, quality="light", spacing="3,1.5,1.5")
        assert told[-1] == 1.0
        client.wait(job["id"])
        client.download(job["id"], "model.glb", tmp_path / "whole.glb")
        whole = (tmp_path / "whole.glb").read_bytes()
        (tmp_path / "broken.glb.part").write_bytes(whole[:1000])
        client.download(job["id"], "model.glb", tmp_path / "broken.glb")
        (tmp_path / "other.glb.part").write_bytes(whole * 2)
        client.download(job["id"], "model.glb", tmp_path / "other.glb")
        assert (tmp_path / "broken.glb").read_bytes() == whole == (tmp_path / "other.glb").read_bytes()
        assert [job["state"] for job in client.events(job["id"])][-1] == "succeeded"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed on this machine")
def test_every_command_of_the_page_works_as_it_stands(system, scan, tmp_path):
    commands = "\n".join(re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL))
    assert commands.count("curl") >= 10
    shutil.copy(scan, tmp_path / "scan.nii.gz") if scan.parent != tmp_path else None
    environment = os.environ | {"VISCERA": system.url, "KEY": system.key}
    done = subprocess.run(
        ["sh", "-eu", "-c", commands],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "model.glb").read_bytes()[:4] == b"glTF"
    assert (tmp_path / "slice.png").read_bytes()[:4] == b"\x89PNG"
    assert "event: job" in (tmp_path / "events.txt").read_text()
