"""The web application's own checks: strict types, and the tests of what can be tested without a browser."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from services.bundle import SOURCES
from tests.support.packages import TYPESCRIPT_CLIENT, installed


def run(*command):
    folder, program = installed()
    path = os.pathsep.join([str(Path(program).parent), os.environ.get("PATH", "")])
    environment = {**os.environ, "PATH": path, "NO_COLOR": "1", "CI": "1"}
    ended = subprocess.run(
        [program, *command], cwd=folder, env=environment, capture_output=True, text=True, timeout=200, check=False
    )
    return ended.returncode, ended.stdout + ended.stderr


def test_types_are_strict_and_right():
    code, said = run("node_modules/typescript/bin/tsc", "--noEmit")
    assert code == 0, said


def test_geometry_preview_and_hands():
    code, said = run("node_modules/vitest/vitest.mjs", "run")
    assert code == 0, said
    assert int(re.search(r"Tests\s+(\d+) passed", said)[1]) > 20


@pytest.mark.parametrize("folder", [SOURCES, TYPESCRIPT_CLIENT], ids=["page", "client"])
def test_lock_file_names_no_registry(folder):
    lock = json.loads((folder / "package-lock.json").read_text())
    packages = {name: about for name, about in lock["packages"].items() if name}
    assert not [name for name, about in packages.items() if "resolved" in about]
    assert not [name for name, about in packages.items() if "integrity" not in about]
