"""Compose's topology as plain processes: its commands, environment and secrets; only addresses differ."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from services.local import _valkey_binary, free_port
from tests.deploy.test_files import DEPLOY, ROOT, compose
from tests.support import contracts
from tests.support.s3 import CREDENTIALS

BIN = Path(sys.executable).parent
SERVICES = ("api", "classifier", "segmenter", "mesher", "dimse", "reconciler")


@dataclass(slots=True)
class Topology:
    """The gateway's address and keys, the processes and ports of metrics by name, and how to start one more."""

    url: str
    key: str
    metrics_key: str
    running: dict[str, subprocess.Popen[bytes]]
    ports: dict[str, int]
    start: Callable[[str], subprocess.Popen[bytes]]


@contextmanager
def valkey(folder: Path, password: str) -> Iterator[int]:
    port = free_port()
    command = [_valkey_binary(), "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--requirepass", password]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    try:
        yield port
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def secrets(tmp_path) -> Path:
    """What deploy/secrets.sh writes."""
    shutil.copytree(DEPLOY, tmp_path / "deploy", ignore=shutil.ignore_patterns("secrets"))
    subprocess.run(["sh", str(tmp_path / "deploy" / "secrets.sh")], check=True, capture_output=True, timeout=30)
    return tmp_path / "deploy" / "secrets"


@pytest.fixture
def topology(tmp_path, secrets, postgresql, s3):
    """Every service its own process."""
    database = contracts.create_database(postgresql)
    (secrets / "viscera_ledger_url").write_text(database)
    keys = "[default]\naws_access_key_id = {AWS_ACCESS_KEY_ID}\naws_secret_access_key = {AWS_SECRET_ACCESS_KEY}\n"
    (secrets / "s3_credentials").write_text(keys.format(**CREDENTIALS))
    password = (secrets / "valkey_password").read_text()
    gateway = free_port()
    with valkey(tmp_path, password) as port:
        broker = (secrets / "viscera_broker_url").read_text().replace("valkey:6379", f"127.0.0.1:{port}")
        (secrets / "viscera_broker_url").write_text(broker)

        ports: dict[str, int] = {}

        def start(name: str) -> subprocess.Popen[bytes]:
            service = compose()["services"][name]
            places = {"0.0.0.0": "127.0.0.1", "8000": str(gateway), "11112": str(free_port())}
            command = [places.get(word, word) for word in service["command"]]
            ports[name] = free_port()
            given = environment(service, secrets, s3, tmp_path) | {"VISCERA_METRICS_PORT": str(ports[name])}
            log = (tmp_path / f"{name}.log").open("ab")
            return subprocess.Popen(
                [str(BIN / command[0]), *command[1:]], cwd=tmp_path, env=given,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

        assert start("prepare").wait(60) == 0, (tmp_path / "prepare.log").read_text()
        running = {name: start(name) for name in SERVICES}
        try:
            url = f"http://127.0.0.1:{gateway}"
            wait_ready(url, tmp_path)
            key, metrics_key = ((secrets / name).read_text() for name in ("viscera_key", "viscera_metrics_key"))
            yield Topology(url, key, metrics_key, running, ports, start)
        finally:
            stop(running.values())


def environment(service: dict, secrets: Path, endpoint: str, folder: Path) -> dict[str, str]:
    """Compose's environment of a service, with its own secrets; hosts and mount points are those of this machine."""
    base = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
    variables = {name: re.sub(r"\$\{\w+:-(.*)\}", r"\1", value) for name, value in service["environment"].items()}
    own = Path(tempfile.mkdtemp(dir=folder))
    for name in service["secrets"]:
        shutil.copy(secrets / name, own)
    variables["VISCERA_SECRETS"] = str(own)
    variables["AWS_SHARED_CREDENTIALS_FILE"] = str(own / Path(variables["AWS_SHARED_CREDENTIALS_FILE"]).name)
    host = urlsplit(endpoint).netloc
    variables["VISCERA_STORE_URL"] = variables["VISCERA_STORE_URL"].replace("s3:8333", host)
    variables["VISCERA_METRICS_HOST"] = "127.0.0.1"
    if "VISCERA_DIMSE_CLIENTS" in variables:
        variables["VISCERA_DIMSE_CLIENTS"] = str(DEPLOY / "pacs" / Path(variables["VISCERA_DIMSE_CLIENTS"]).name)
    (folder / "tmp").mkdir(exist_ok=True)
    variables |= {"TMPDIR": str(folder / "tmp"), "VISCERA_SPOOL": str(folder / "spool")}
    variables |= {"PYTHONPATH": str(ROOT), "VISCERA_LEASE_SECONDS": "6"}
    return base | {"PATH": f"{BIN}:/usr/bin:/bin"} | variables


def wait_ready(url: str, folder: Path) -> None:
    until = time.monotonic() + 120
    answer = None
    while time.monotonic() < until:
        try:
            answer = httpx.get(url + "/readyz", timeout=5)
            if answer.status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.3)
    logs = "".join(path.read_text()[-1500:] for path in folder.glob("*.log"))
    raise AssertionError(f"not ready: {answer and answer.text}\n{logs}")


def stop(running) -> None:
    for process in running:
        process.send_signal(signal.SIGTERM)
    until = time.monotonic() + 30
    for process in running:
        try:
            process.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
