"""Each image's lock file and folders alone are enough: what the Dockerfile copies imports, and its service starts."""

import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.test_files import DEPLOY, ROOT

UV = shutil.which("uv") or shutil.which("uv", path=str(ROOT / ".uv" / "bin"))
STARTS = {
    "api": "from services.api.app import create_app; create_app(settings())",
    "classifier": "from services.classifier.tasks import classifier as stage; stage.load(settings())",
    "segmenter": "from services.segmenter.tasks import segmenter as stage; stage.load(settings())",
    "mesher": "import services.mesher.tasks",
    "dimse": "import services.dimse.__main__",
    "reconciler": "import services.reconciler, services.dimse_sender, shared.operations.migrate",
}


def copied(service: str) -> list[str]:
    """What the Dockerfile copies from the sources into this service's image."""
    content = (DEPLOY / "Dockerfile").read_text()
    stages = re.split(r"^FROM ", content, flags=re.MULTILINE)
    found = []
    for stage in stages:
        if re.match(rf"(\S+ AS base|base AS with-{service})\b", stage):
            for line in re.findall(r"^COPY (?!--from)(.*)$", stage, re.MULTILINE):
                found += [source for source in line.split()[:-1] if not source.startswith("requirements/")]
    return found


needs_uv = pytest.mark.skipif(UV is None, reason="uv is not installed on this machine")


def installed(service: str, lock: str, folder: Path) -> Path:
    """An environment with a lock file's packages and what the Dockerfile copies of the sources; its Python."""
    tree, environment = folder / "app", folder / "venv"
    for source in copied(service):
        target = tree / source
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / source).is_dir():
            skip = shutil.ignore_patterns("__pycache__", "node_modules", "dist")
            shutil.copytree(ROOT / source, target, ignore=skip)
        else:
            shutil.copy(ROOT / source, target)
    uv = [str(UV), "--quiet"]
    given = os.environ | {"VIRTUAL_ENV": str(environment), "UV_LINK_MODE": "hardlink"}
    locked = str(ROOT / "requirements" / f"{lock}.txt")
    for command in (
        [*uv, "venv", "--python", sys.executable, str(environment)], [*uv, "pip", "sync", "--require-hashes", locked],
        [*uv, "pip", "install", "--no-deps", str(tree)],
    ):  # fmt: skip
        subprocess.run(command, check=True, env=given, timeout=240, cwd=folder)
    return environment / "bin" / "python"


def run(python: Path, program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(python), "-P", "-c", "from shared.settings import settings; " + program], cwd=python.parent,
        env={"PATH": "/usr/bin:/bin"} | environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@needs_uv
@pytest.mark.parametrize("service", STARTS)
def test_the_image_holds_what_its_service_needs(service, tmp_path):
    done = run(installed(service, service, tmp_path), STARTS[service])
    assert done.returncode == 0, done.stderr


@needs_uv
@pytest.mark.skipif(sys.platform != "linux" or platform.machine() != "x86_64", reason="the GPU wheel is for x86-64")
def test_the_gpu_image_takes_the_gpu_or_refuses_to_start(tmp_path):
    python = installed("segmenter", "segmenter-gpu", tmp_path)
    cuda = run(python, STARTS["segmenter"], VISCERA_PROVIDER="cuda")
    if Path("/dev/nvidia0").exists() and cuda.returncode == 0:
        return
    for provider in ("cuda", "tensorrt"):  # the runtime itself would go on, on the processor
        done = run(python, STARTS["segmenter"], VISCERA_PROVIDER=provider)
        assert done.returncode != 0
        assert f"fell back from {provider} to CPUExecutionProvider" in done.stderr
    assert run(python, STARTS["segmenter"], VISCERA_PROVIDER="cpu").returncode == 0
