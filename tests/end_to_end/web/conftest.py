"""`viscera serve` as it is started by hand, with its web application built, and a browser to look at it."""

import os
import shutil
import subprocess
import sys
import threading
import zipfile
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect, sync_playwright

from services.cli import _phantom
from services.local import free_port
from shared.imaging.phantoms import abdomen
from tests.support.packages import installed
from tests.support.pages import FLAGS
from tests.support.scans import write_dicom
from viscera_client import packed

PATIENCE_MS = 60_000
"""Software drawing on two busy processors is slow: the page's own deadlines are asserted where they are meant."""
expect.set_options(timeout=PATIENCE_MS)
KEY = "vsk_end_to_end_0123456789abcdefghij"


@dataclass(frozen=True)
class Served:
    url: str
    bundle: Path
    pacs_port: int
    """Where the configured DICOM destination is, if a test starts one."""

    def client(self):
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {KEY}"}, timeout=60)


@pytest.fixture(scope="package")
def served(tmp_path_factory):
    data, port = tmp_path_factory.mktemp("served"), free_port()
    command = [sys.executable, "-P", "-m", "services.cli", "serve", "--port", str(port), "--data", str(data)]
    destinations, pacs_port = data / "destinations.toml", free_port()
    destinations.write_text(f'[[destination]]\nname = "pacs"\nurl = "http://127.0.0.1:{pacs_port}"\n')
    environment = {**os.environ, "VISCERA_KEY": KEY, "VISCERA_DESTINATIONS": str(destinations)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    limit = threading.Timer(150, process.kill)
    limit.start()
    try:
        said = [process.stdout.readline() for _ in range(3)]
        assert said[0].startswith("Viscera"), process.stderr.read() if process.poll() is not None else said
        built = [folder for folder in (data / "web").glob("*") if (folder / "index.html").is_file()]
        if not built:
            pytest.skip("the web application can't be built here: no Node, or the npm registry can't be reached")
        limit.cancel()
        yield Served(f"http://127.0.0.1:{port}", built[0], pacs_port)
    finally:
        limit.cancel()
        process.terminate()
        process.communicate(timeout=30)


@pytest.fixture(scope="package")  # while Playwright runs, this thread has a running event loop: asyncio.run fails
def chromium():
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("Chromium is not installed on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


def complaint(message):
    """What a console says and of which address: `the server responded with a status of 404` names none."""
    return f"{message.text} {message.location.get('url', '')}".strip()


@dataclass
class Opener:
    """Opens pages and keeps what their consoles complain about."""

    browser: object
    url: str
    complaints: list

    contexts: list

    def __call__(self, script="", **options):
        context = self.browser.new_context(**{"viewport": {"width": 1280, "height": 860}} | options)
        self.contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        if script:
            page.add_init_script(script)
        page.on("console", lambda said: said.type == "error" and self.complaints.append(complaint(said)))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page


def _opener(chromium, served):
    opener = Opener(chromium, served.url, [], [])
    yield opener
    for context in opener.contexts:
        context.close()
    assert opener.complaints == []


opened = pytest.fixture(_opener, name="opened")
"""Makes pages; after the test no page may have complained."""
kept = pytest.fixture(_opener, name="kept", scope="module")
"""The same for pages that the tests of a module share: software drawing makes opening a result slow."""


@pytest.fixture(scope="package")
def axe():
    """The script of axe-core."""
    folder, _ = installed()
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text()


@pytest.fixture(scope="package")
def scan(tmp_path_factory):
    """A real case as a zip where there is one, else the phantom."""
    folder = tmp_path_factory.mktemp("scan")
    real = os.environ.get("VISCERA_DATA", "")
    case = Path(real) / "uwm" / "case139_day0" / "scans"
    if not real or not case.is_dir():
        return _phantom(folder / "phantom.nii.gz")
    with zipfile.ZipFile(folder / "case.zip", "w") as archive:
        for file in sorted(case.rglob("*.png")):
            archive.write(file, f"scans/{file.name}")
    return folder / "case.zip"


@pytest.fixture(scope="package")
def result(served, scan):
    """A finished job of that scan, sent without the browser."""
    with served.client() as client:
        return finished(client, scan.read_bytes())


@pytest.fixture(scope="package")
def dicom_result(served, tmp_path_factory):
    """A finished job of the phantom as a DICOM series; its place in the patient is its own."""
    folder = write_dicom(tmp_path_factory.mktemp("dicom") / "series", abdomen().volume)
    with served.client() as client, packed(folder) as path:
        return finished(client, path.read_bytes())


def finished(client, scan):
    """The id of a job on a scan, once it has succeeded."""
    return ended(client, client.post("/v1/jobs", content=scan).json()["id"])


def ended(client, job_id):
    """The same id, once that job has succeeded."""
    job = {}
    for _ in range(500):  # each answer is a change of the job
        job = client.get(f"/v1/jobs/{job_id}", params={"wait": 20}).json()
        if job["state"] not in {"queued", "running"}:
            break
    assert job["state"] == "succeeded", job
    return job_id
