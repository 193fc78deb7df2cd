"""Folders of killed processes are swept from the system's temporary folder; those in use are not."""

import subprocess
import sys

from shared import scratch

CODE = """
import sys
from shared import scratch
with scratch.folder() as folder:
    (folder / "voxels.npy").write_bytes(b"CANARY")
    print(folder, flush=True)
    sys.stdin.read()
"""


def test_a_killed_process_leaves_nothing_after_the_sweep(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(scratch.tempfile, "tempdir", None)
    (tmp_path / "viscera-work-file").write_text("not a folder")
    command = [sys.executable, "-P", "-c", CODE]
    with scratch.folder() as mine:
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
            left = other.stdout.readline().strip()
            assert scratch.sweep() == 0
            other.kill()
            other.wait(10)
        assert str(tmp_path) in left
        assert scratch.sweep() == 1
        assert mine.is_dir()
    assert [path.name for path in tmp_path.iterdir()] == ["viscera-work-file"]
