"""Each image's lock file and folders alone are enough: what the Dockerfile copies imports, and its service starts."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.deploy.test_files import DEPLOY, ROOT

UV = shutil.which("uv") or shutil.which("uv", path=str(ROOT / ".uv" / "bin"))
STARTS = {
    "api": "from services.api.app import create_app; create_app(settings())",
    "classifier": "from services.classifier.tasks import classifier as stage; stage.load(settings())",
    "segmenter": "from services.segmenter.tasks import segmenter as stage; stage.load(settings())",
    "mesher": "import services.mesher.tasks",
    "reconciler": "import services.reconciler, shared.prepare",
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


@pytest.mark.skipif(UV is None, reason="uv is not installed on this machine")
@pytest.mark.parametrize("service", STARTS)
def test_the_image_holds_what_its_service_needs(service, tmp_path):
    tree, environment = tmp_path / "app", tmp_path / "venv"
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
    lock = str(ROOT / "requirements" / f"{service}.txt")
    for command in (
        [*uv, "venv", "--python", sys.executable, str(environment)], [*uv, "pip", "sync", "--require-hashes", lock],
        [*uv, "pip", "install", "--no-deps", str(tree)],
    ):  # fmt: skip
        subprocess.run(command, check=True, env=given, timeout=240, cwd=tmp_path)
    program = "from shared.settings import settings; " + STARTS[service]
    done = subprocess.run(
        [str(environment / "bin" / "python"), "-P", "-c", program], cwd=tmp_path, env={"PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
