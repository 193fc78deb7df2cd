"""Nothing of a request stays in the spool, also when the gateway is killed in its midst."""

import subprocess
import sys

from fastapi.testclient import TestClient

from services.api.app import create_app
from services.api.spool import spool_folder, sweep

CODE = """
import sys
from pathlib import Path
from services.api.spool import spool_folder
with spool_folder(Path(sys.argv[1]), "stow") as folder:
    (folder / "000000").write_bytes(b"CANARY")
    print(folder, flush=True)
    sys.stdin.read()
"""


def test_what_a_killed_gateway_left_is_swept_at_the_next_start_and_what_is_in_use_is_not(settings, app):
    del app
    settings.spool.mkdir()
    command = [sys.executable, "-P", "-c", CODE, str(settings.spool)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        left = other.stdout.readline().strip()
        with TestClient(create_app(settings)):
            assert [str(path) for path in settings.spool.iterdir()] == [left]
        other.kill()
        other.wait(10)
    with TestClient(create_app(settings)):
        assert list(settings.spool.iterdir()) == []


def test_a_sweep_leaves_what_is_not_of_the_spool(tmp_path):
    (tmp_path / "notes").mkdir()
    with spool_folder(tmp_path, "upload") as folder:
        assert sweep(tmp_path) == 0
        assert folder.is_dir()
    assert [path.name for path in tmp_path.iterdir()] == ["notes"]
