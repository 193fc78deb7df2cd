"""PostgreSQL and S3 backed up while jobs run, lost, and restored elsewhere by the commands that the docs give."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import boto3
import psutil
import pytest
from sqlalchemy.engine import make_url

from services.doctor import examine
from services.local import LocalSystem
from shared.imaging.phantoms import abdomen
from shared.ledger import open_ledger
from shared.operations.backup import damaged, files
from shared.settings import Settings
from shared.storage.connect import open_store
from tests.faults.rig import stopped
from tests.support import contracts
from tests.support.postgresql import programs
from tests.support.scans import small_grid, write_nifti
from viscera_client import Client

ROOT = Path(__file__).parents[2]


def documented(program: str) -> list[str]:
    """The options that docs/operations.md gives to one of PostgreSQL's programs."""
    (line,) = re.findall(rf"exec -T postgres {program} (.*?) [<>]", (ROOT / "docs" / "operations.md").read_text())
    return shlex.split(line)


def call(program: str, server: str, database: str, **names) -> None:
    """Runs the documented command on another server: superuser, database and role of this test instead of compose's."""
    url = make_url(server)
    role = make_url(database).username
    given = [database_name(database) if word == "viscera" else word for word in documented(program)]
    given = [str(url.username) if word == "postgres" else word for word in given]
    given = [f"--role={role}" if word == "--role=viscera" else word for word in given]
    path = shutil.which(program) or str(programs() / program)
    command = [path, "--host", str(url.host), "--port", str(url.port), *given]
    subprocess.run(command, check=True, timeout=120, **names)


def database_name(url: str) -> str:
    return str(make_url(url).database)


def inventory(*arguments: str) -> int:
    command = [sys.executable, "-P", "-m", "shared.operations.backup", *arguments]
    return subprocess.run(command, cwd=ROOT, env=dict(os.environ), timeout=120, check=False).returncode


def use(patch, database: str, store: str) -> None:
    patch.setenv("VISCERA_LEDGER_URL", database)
    patch.setenv("VISCERA_STORE_URL", store)


@pytest.mark.timeout(400)
def test_servers_lost_and_restored_have_every_result_and_finish_what_ran(postgresql, s3, tmp_path, monkeypatch):
    monkeypatch.setenv("VISCERA_LEASE_SECONDS", "6")
    scan = write_nifti(tmp_path / "scan.nii.gz", abdomen(small_grid()).volume)
    lost = contracts.create_database(postgresql), contracts.s3_bucket(s3)
    dump, kept = tmp_path / "ledger.dump", f"file://{tmp_path / 'kept'}"
    use(monkeypatch, *lost)
    with LocalSystem(tmp_path / "first") as system, Client(system.url, system.key) as client:
        system.wait_ready()
        ended = client.wait(client.submit(scan, quality="light").id).id
        client.download(ended, "model.glb", tmp_path / "before.glb")
        segmenter = next(child.process.pid for child in system.children if child.name == "segmenter")
        with stopped([psutil.Process(segmenter), *psutil.Process(segmenter).children(recursive=True)]):
            running = [client.submit(scan, quality="light").id for _ in range(3)]
            with dump.open("wb") as out:
                call("pg_dump", postgresql, lost[0], stdout=out)
            assert inventory("copy", kept) == 0
            states = {client.job(job_id).state for job_id in running}
    assert states <= {"queued", "running"}, "the backup was taken while jobs ran"
    empty = boto3.resource("s3", endpoint_url=s3).Bucket(lost[1].split("/")[2])
    empty.objects.delete()
    found = contracts.create_database(postgresql), contracts.s3_bucket(s3)
    use(monkeypatch, *found)
    with dump.open("rb") as given:
        call("pg_restore", postgresql, found[0], stdin=given)
    assert inventory("restore", kept) == 0
    assert inventory("verify") == 0
    with LocalSystem(tmp_path / "second", key=system.key) as restored, Client(restored.url, restored.key) as client:
        restored.wait_ready()
        client.download(ended, "model.glb", tmp_path / "after.glb")
        assert {client.wait(job_id).state for job_id in running} == {"succeeded"}
        settings = Settings(ledger_url=found[0], store_url=found[1], spool=tmp_path, free_bytes=1)
        assert [one.text for one in examine(settings, broker=False, files=True) if not one.well] == []
    digests = {hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in ("before.glb", "after.glb")}
    assert len(digests) == 1
    damage(found, s3, tmp_path)


def damage(found: tuple[str, str], s3: str, folder: Path) -> None:
    """What is missing or other than it was is named."""
    ledger, store = open_ledger(found[0]), open_store(found[1])
    every = [file.key for file in files(ledger)]
    gone, other = every[0], every[-1]
    boto3.client("s3", endpoint_url=s3).delete_object(Bucket=store.bucket, Key=store.prefix + gone)
    (folder / "other").write_bytes(b"other")
    store.put(other, folder / "other")
    assert set(damaged(ledger, store)) == {gone, other}
    assert inventory("verify") == 1
    ledger.close()
