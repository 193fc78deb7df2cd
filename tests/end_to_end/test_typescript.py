"""The TypeScript client: its types are those of the interface, and it works on the running system."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.api.document import document
from shared.imaging.phantoms import abdomen
from tests.support.answers import Answer, answering
from tests.support.packages import TYPESCRIPT_CLIENT, installed
from tests.support.scans import small_grid, write_nifti

PAGE = Path(__file__).parents[2] / "docs" / "clients.md"
BUSY = """
import { ServiceError, Viscera } from "viscera-client";

const viscera = new Viscera({ url: process.env["VISCERA"] ?? "", key: "key-1", patience: 2 });
const job = await viscera.submit(new Blob(["scan"]), { modality: "MR" });
const said = [job.id];
for (const name of ["model.glb", "report.json"]) {
  try {
    said.push(await (await viscera.download(job.id, name)).content.text());
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    said.push(error.code, error.message, String(error.status));
  }
}
console.log(JSON.stringify(said));
"""


@dataclass(frozen=True)
class Project:
    """A project that uses the built client."""

    folder: Path
    node: str

    def execute(self, *command, **environment: str) -> str:
        done = subprocess.run(
            [self.node, *command], cwd=self.folder, env=os.environ | environment, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder in which the client is installed as npm does it, with two programs; all types have been checked."""
    sources, node = installed(TYPESCRIPT_CLIENT)
    project = Project(tmp_path_factory.mktemp("project"), node)
    packages = project.folder / "node_modules"
    packages.mkdir()
    for package in (sources / "node_modules").iterdir():
        (packages / package.name).symlink_to(package)
    client = packages / "viscera-client"
    client.mkdir()
    shutil.copy(sources / "package.json", client)
    compiler = packages / "typescript" / "bin" / "tsc"
    project.execute(compiler, "-p", sources, "--outDir", client / "dist")
    options = json.loads((sources / "tsconfig.json").read_text())["compilerOptions"]
    options |= {"types": ["node"], "rootDir": ".", "outDir": "."}
    (project.folder / "tsconfig.json").write_text(
        json.dumps({"compilerOptions": options, "files": ["example.ts", "busy.ts"]})
    )
    (project.folder / "package.json").write_text('{"type": "module"}')
    (example,) = re.findall(r"```ts\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (project.folder / "example.ts").write_text(example)
    (project.folder / "busy.ts").write_text(BUSY)
    project.execute(compiler, "-p", project.folder)
    return project


def test_the_types_are_those_of_the_interface(tmp_path):
    folder, node = installed(TYPESCRIPT_CLIENT)
    command = [node, folder / "generate.mjs", tmp_path / "schema.ts"]
    subprocess.run(command, input=document(), capture_output=True, text=True, timeout=120, check=True)
    made = (tmp_path / "schema.ts").read_text()
    assert "/v1/jobs/{job_id}/labels.nii.gz" in made
    assert made == (folder / "src" / "schema.ts").read_text(), "run `npm run generate` in viscera_client/typescript"


def test_the_example_submits_a_scan_waits_and_downloads_the_model(project, system, client, tmp_path):
    write_nifti(project.folder / "scan.nii.gz", abdomen(small_grid()).volume)
    said = project.execute("example.js", VISCERA=system.url, KEY=system.key)
    job = client.job(said.splitlines()[-1])
    assert job.state == "succeeded"
    client.download(job.id, "model.glb", tmp_path / "model.glb")
    assert (project.folder / "model.glb").read_bytes() == (tmp_path / "model.glb").read_bytes()


def test_a_busy_service_is_asked_again_and_an_error_has_its_code(project):
    job = {"id": "j1", "state": "queued"}
    busy = Answer(503, b'{"code": "busy", "detail": "Busy."}', {"Retry-After": "0"})
    longer = Answer(429, b'{"code": "rate_limited", "detail": "Too many."}', {"Retry-After": "9"})
    with answering() as server:
        waiting = Answer(202, b'{"state": "waiting"}', {"Retry-After": "0"})
        server.answers[:] = [busy, Answer(202, json.dumps(job).encode()), waiting, Answer(200, b"glTF"), longer]
        said = json.loads(project.execute("busy.js", VISCERA=server.url))
    assert said == ["j1", "glTF", "rate_limited", "Too many.", "429"]
    first, second, *_ = server.seen
    assert (first.body, first.path) == (b"scan", "/v1/jobs?modality=MR")
    assert (second.body, second.headers["Idempotency-Key"]) == (b"scan", first.headers["Idempotency-Key"])
    assert {seen.headers["Authorization"] for seen in server.seen} == {"Bearer key-1"}
    assert len(server.seen) == 5
