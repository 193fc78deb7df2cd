"""A service installed without the internet from what deploy/offline.sh gathered, every file by its hash."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.test_files import DEPLOY, ROOT

SERVICE = "classifier"


def isolated(*command: str) -> list[str]:
    """The command in a network of its own that leads nowhere, where this user may make one."""
    alone = ["unshare", "--net", "--"]
    able = shutil.which("unshare") and not subprocess.run([*alone, "true"], check=False, capture_output=True).returncode
    return [*(alone if able else []), *command]


def offline(what: str, folder: Path, *more: str) -> int:
    command = ["sh", str(DEPLOY / "offline.sh"), what, str(folder), *more]
    return subprocess.run(command, env=os.environ | {"PYTHON": sys.executable}, timeout=400, check=False).returncode


def install(python: Path, carried: Path, lock: str) -> subprocess.CompletedProcess[str]:
    """The documented command."""
    command = isolated(
        str(python), "-m", "pip", "install", "--no-index", "--no-deps", "--find-links", str(carried / "wheels"),
        "--require-hashes", "--requirement", str(carried / "requirements" / f"{lock}.txt"),
    )  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=400, check=False, cwd=carried)


@pytest.mark.timeout(900)
def test_a_service_is_installed_without_the_internet_and_verifies_its_model(tmp_path):
    carried, environment = tmp_path / "carried", tmp_path / "venv"
    probe = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(tmp_path / "probe"), "vine"]
    if subprocess.run(probe, capture_output=True, timeout=120, check=False).returncode != 0:
        pytest.skip("no package index can be reached, from which the wheels could be gathered")
    assert offline("wheels", carried, SERVICE) == 0
    assert offline("check", carried) == 0
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True, timeout=120)
    python = environment / "bin" / "python"
    for lock in (SERVICE, "viscera"):
        done = install(python, carried, lock)
        assert done.returncode == 0, done.stderr
    program = [str(python), "-P", "-m", "shared.models.registry", SERVICE]
    verified = subprocess.run(isolated(*program), capture_output=True, text=True, timeout=120, check=True, cwd=tmp_path)
    assert verified.stdout.startswith(f"{SERVICE}: ")
    where = [str(python), "-P", "-c", "import services.classifier.tasks as tasks; print(tasks.__file__)"]
    found = subprocess.run(isolated(*where), capture_output=True, text=True, timeout=120, check=True, cwd=tmp_path)
    assert str(ROOT) not in found.stdout
    refuse_other_bytes(python, carried)


def refuse_other_bytes(python: Path, carried: Path) -> None:
    """A wheel that was changed on the way is noticed by the check, and refused by the installation."""
    wheel = next((carried / "wheels").glob("celery-*.whl"))
    with wheel.open("ab") as file:
        file.write(b"\0")
    assert offline("check", carried) != 0
    subprocess.run([str(python), "-m", "pip", "uninstall", "--yes", "--quiet", "celery"], check=True, timeout=120)
    done = install(python, carried, SERVICE)
    assert done.returncode != 0
    assert "HASHES" in done.stderr
