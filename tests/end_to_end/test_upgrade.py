"""Old and new side by side on one queue: another model, the code of one schema ago, a schema one step ahead."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import inspect, select, text

from services.local import LocalSystem, free_port
from shared.imaging.phantoms import abdomen
from shared.ledger import Ledger, open_ledger
from shared.ledger.jobs import STAGES
from shared.ledger.tables import stage_runs
from shared.models.registry import SERVICES
from tests.support import contracts
from tests.support.scans import small_grid, write_nifti
from tests.support.waiting import until
from viscera_client import Client

ROOT = Path(__file__).parents[2]
JOBS = 30
"""By then both versions have had work of every stage, or something is wrong."""


@pytest.fixture
def ledger(postgresql, monkeypatch) -> Iterator[Ledger]:
    """The PostgreSQL database that every process of the test uses."""
    url = contracts.create_database(postgresql)
    for name, value in {"LEDGER_URL": url, "THREADS": "1", "LEASE_SECONDS": "6"}.items():
        monkeypatch.setenv(f"VISCERA_{name}", value)
    opened = open_ledger(url)
    yield opened
    opened.close()


@pytest.fixture
def scan(tmp_path) -> Path:
    return write_nifti(tmp_path / "scan.nii.gz", abdomen(small_grid()).volume)


@contextmanager
def beside(system: LocalSystem, command: list[str], **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """One more process of the system, asked to stop at the end as a rolling upgrade does."""
    given = next(child for child in system.children if child.name == "gateway").environment | environment
    log = (system.data / "log" / "beside.log").open("ab")
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", *command], env=given, cwd=system.data, stdout=log, stderr=log
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(120)


def worker(stage: str) -> list[str]:
    return [f"services.{stage}", "--name", f"{stage}@beside"]


def version_of(client: Client, job_id: str, folder: Path, name: str) -> str:
    """The version of the model of this name that a result tells."""
    client.download(job_id, "report.json", folder / "report.json")
    models = json.loads((folder / "report.json").read_text())["models"]
    return next(model["version"] for model in models if model["name"] == name)


@pytest.mark.timeout(400)
def test_two_versions_of_a_model_serve_one_queue_and_each_result_names_its_own(ledger, scan, tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    card = json.loads((SERVICES / "segmenter" / "card.json").read_text())
    (model / "card.json").write_text(json.dumps(card | {"version": "old"}))
    (model / "model.onnx").write_bytes((SERVICES / "segmenter" / "model.onnx").read_bytes())
    with LocalSystem(tmp_path / "data") as system, Client(system.url, system.key) as client:
        system.wait_ready()
        with beside(system, worker("segmenter"), VISCERA_SEGMENTER_MODEL=str(model)):
            both = {"old", card["version"]}
            until(lambda: {model.version for model in client.models() if model.stage == "segmenter"} == both)
            named: set[str] = set()
            for _ in range(JOBS):
                ids = [client.submit(scan, quality="light").id for _ in range(2)]
                assert {client.wait(job_id).state for job_id in ids} == {"succeeded"}
                named |= {version_of(client, job_id, tmp_path, card["name"]) for job_id in ids}
                if named == both:
                    break
            assert named == both
            waiting = [client.submit(scan, quality="light").id for _ in range(3)]
        assert {client.wait(job_id).state for job_id in waiting} == {"succeeded"}
        last = client.submit(scan, quality="light").id
        client.wait(last)
        assert version_of(client, last, tmp_path, card["name"]) == card["version"]


@pytest.fixture(scope="module")
def previous(tmp_path_factory) -> Path:
    """The sources as they were before the newest step of the schema; a skip where their history is not at hand."""
    newest = max((ROOT / "shared" / "ledger" / "migrations" / "versions").glob("0*.py")).name
    git = ["git", "-C", str(ROOT)]
    log = subprocess.run(  # the file's first commit, wherever it was then, also where a merge added it
        [*git, "log", "-m", "--first-parent", "--diff-filter=A", "--format=%H", "--", f":(glob)**/{newest}"],
        capture_output=True,
        text=True,
        check=False,
    )
    commits = log.stdout.split()
    made = subprocess.run([*git, "archive", f"{commits[-1] if commits else ''}^"], capture_output=True, check=False)
    if log.returncode or made.returncode:
        pytest.skip("the sources' history is not here")
    folder = tmp_path_factory.mktemp("previous")
    with tarfile.open(fileobj=io.BytesIO(made.stdout)) as archive:
        archive.extractall(folder, filter="data")
    assert not list(folder.rglob(newest))
    return folder


@pytest.mark.timeout(600)
def test_workers_and_gateway_of_the_previous_schema_go_on_beside_the_new_ones(ledger, scan, tmp_path, previous):
    old, port = {"PYTHONPATH": str(previous)}, free_port()
    with LocalSystem(tmp_path / "data") as system, Client(system.url, system.key) as client:
        system.wait_ready()
        with (
            beside(system, worker("classifier"), **old) as first,
            beside(system, worker("segmenter"), **old) as second,
            beside(system, worker("mesher"), **old) as third,
            beside(system, ["services.api", "--port", str(port)], **old),
            Client(f"http://127.0.0.1:{port}", system.key) as before,
        ):
            pids = {process.pid for process in (first, second, third)}
            until(lambda: _lives(port))
            wanted = {(stage, which) for stage in STAGES for which in ("old", "new")}
            seen: set[tuple[str, str]] = set()
            for _ in range(JOBS):
                ids = [asked.submit(scan, quality="light").id for asked in (before, client, before, client)]
                assert {client.wait(job_id).state for job_id in ids} == {"succeeded"}
                seen |= served(ledger, ids, pids)
                if seen == wanted:
                    break
            assert seen == wanted
            before.download(ids[0], "model.glb", tmp_path / "model.glb")
            waiting = [before.submit(scan, quality="light").id for _ in range(3)]
        assert {client.wait(job_id).state for job_id in waiting} == {"succeeded"}
        assert not served(ledger, [client.wait(client.submit(scan, quality="light").id).id], pids) & {
            (stage, "old") for stage in STAGES
        }


def _lives(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/livez").status_code == 200
    except httpx.HTTPError:
        return False


def served(ledger: Ledger, ids: list[str], old: set[int]) -> set[tuple[str, str]]:
    """Which stages were done by which version's workers, by the process ids that their names hold."""
    query = select(stage_runs.c.stage, stage_runs.c.worker).where(stage_runs.c.job_id.in_(ids))
    with ledger.read() as connection:
        rows = connection.execute(query).all()
    return {(row.stage, "old" if int(row.worker.split(":")[-2]) in old else "new") for row in rows}


@pytest.mark.timeout(300)
def test_this_code_runs_on_a_schema_one_step_ahead_and_leaves_it_alone(ledger, scan, tmp_path):
    ledger.migrate()
    with ledger.write() as connection:  # what an expanding step may do: columns with a default, indices, tables
        for table in ("jobs", "scans", "stage_runs", "workers", "events"):
            connection.execute(text(f"ALTER TABLE {table} ADD COLUMN coming INTEGER NOT NULL DEFAULT 0"))
            connection.execute(text(f"CREATE INDEX ix_{table}_coming ON {table} (coming)"))
        connection.execute(text("CREATE TABLE coming (id INTEGER PRIMARY KEY)"))
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert ledger.is_ready()
    with LocalSystem(tmp_path / "data") as system, Client(system.url, system.key) as client:
        system.wait_ready()
        assert client.wait(client.submit(scan, quality="light").id).state == "succeeded"
    with ledger.read() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "9999"
        assert inspect(connection).has_table("coming")


def test_a_service_waits_until_its_schema_is_there(ledger):
    command = [sys.executable, "-P", "-m", "shared.operations.migrate", "--wait"]
    ledger.migrate("0001")
    waiting = subprocess.Popen(command, env=dict(os.environ), cwd=ROOT)
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(4)
        ledger.migrate()
        assert waiting.wait(30) == 0
    finally:
        waiting.kill()
        waiting.wait()
