"""A whole system of real processes that tests break in named places, and the invariants that must hold after."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import redis
from sqlalchemy import select

from services.local import Child, LocalSystem
from shared.ledger import Ledger, history, jobs, workers
from shared.ledger.tables import artifacts, events, stage_runs
from shared.storage.base import Store
from shared.worker.queue import make_app, notify
from tests.faults.database_proxy import DatabaseProxy
from tests.faults.s3_proxy import S3Proxy
from tests.support.archive import Archive
from tests.support.postgresql import programs
from viscera_client import Client

ENDS = {"succeeded", "failed", "cancelled"}
PATIENCE = 110.0


@contextmanager
def stopped(family: list[psutil.Process]) -> Iterator[None]:
    """Processes that do not run for as long as the context lasts."""
    for member in family:
        member.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for member in family:
            member.send_signal(signal.SIGCONT)


@dataclass(frozen=True)
class Disk:
    """A small disk of its own."""

    folder: Path

    def fill(self) -> None:
        """Leaves no room on it."""
        with suppress(OSError), (self.folder / "ballast").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    def free(self) -> None:
        """Makes the room again."""
        (self.folder / "ballast").unlink(missing_ok=True)


@dataclass
class Rig:
    """The running system, a client of it, its ledger and store seen from outside, and the folder that arms faults.

    `references` has the SHA-256 of the GLB of each format of the scan, as it is without a fault.
    """

    system: LocalSystem
    client: Client
    ledger: Ledger
    store: Store
    faults: Path
    scan: Path
    database: DatabaseProxy | None = None
    s3: S3Proxy | None = None
    disk: Disk | None = None
    dimse: int = 0
    archive: Archive | None = None
    references: dict[str, str] = field(default_factory=dict)
    struck: list[int] = field(default_factory=list)

    def arm(self, stage: str, point: str, what: str) -> Path:
        """The next process to reach this point of this stage does what is said."""
        armed = self.faults / f"{stage}.{point}"
        partial = self.faults / "new"
        partial.write_text(what)
        return partial.rename(armed)

    def taken(self, armed: Path, seconds: float = PATIENCE) -> int:
        """Waits until the fault struck; returns the process id it struck."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for mark in self.faults.glob(f"{armed.stem}.taken-*"):
                mark.unlink()
                self.struck.append(int(mark.suffix.removeprefix(".taken-")))
                return self.struck[-1]
            time.sleep(0.02)
        raise AssertionError(f"nobody came by {armed.name}")

    def clear(self) -> None:
        """Leaves nothing for the next cell: no fault that waits, no process that stands still."""
        for waiting in self.faults.iterdir():
            waiting.unlink()
        for process in self.struck:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)
        self.struck.clear()
        self.child("valkey").process.send_signal(signal.SIGCONT)
        if self.archive is not None:
            self.archive.answers.clear()
        for proxy in (self.database, self.s3):
            if proxy is not None:
                proxy.clear()
        if self.disk is not None:
            self.disk.free()

    def submit(self, **options: str) -> str:
        """Sends the small scan; returns the job's id."""
        return self.client.submit(self.scan, quality="light", **options).id

    def end(self, job_id: str, seconds: float = PATIENCE) -> str:
        """How the job ended; fails if it does not."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            with self.ledger.read() as connection:
                state = jobs.get(connection, None, job_id).state
            if state in ENDS:
                return state
            time.sleep(0.1)
        raise AssertionError(f"{job_id} did not end")

    def child(self, name: str) -> Child:
        """A supervised process of the system."""
        return next(child for child in self.system.children if child.name == name)

    def kill(self, name: str) -> None:
        """Kills a supervised process and all it started with -9."""
        process = self.child(name).process
        if process is not None:
            family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
            for member in family:
                member.send_signal(signal.SIGKILL)

    def attempts(self, job_id: str, stage: str) -> int:
        """How often a stage was begun, not counting work that was given back."""
        with self.ledger.read() as connection:
            return next(run.attempts for run in jobs.get(connection, None, job_id).stages if run.stage == stage)

    def happened(self, job_id: str) -> set[str]:
        """The kinds of event in a job's history."""
        with self.ledger.read() as connection:
            return {event.kind for event in history.history(connection, job_id)}

    def state(self, job_id: str, stage: str) -> str:
        """The state of one stage."""
        with self.ledger.read() as connection:
            return next(run.state for run in jobs.get(connection, None, job_id).stages if run.stage == stage)

    def error(self, job_id: str) -> str | None:
        """The code with which the job failed."""
        with self.ledger.read() as connection:
            return jobs.get(connection, None, job_id).error_code

    def notify(self, job_id: str, stage: str, times: int = 1) -> None:
        """More doorbells."""
        app = make_app(self.child("gateway").environment["VISCERA_BROKER_URL"])
        for _ in range(times):
            notify(app, job_id, stage)
        app.close()

    def workers(self, stage: str) -> set[str]:
        """The workers of a stage that live."""
        with self.ledger.read() as connection:
            return {worker.id for worker in workers.alive(connection) if worker.stage == stage}

    def worked(self, job_ids: list[str], stage: str) -> set[str]:
        """The workers that did a stage of these jobs."""
        query = select(stage_runs.c.worker).where(stage_runs.c.job_id.in_(job_ids), stage_runs.c.stage == stage)
        with self.ledger.read() as connection:
            return set(connection.execute(query).scalars())

    def until(self, reached: Callable[[], bool], seconds: float = PATIENCE) -> None:
        """Waits for something; fails if it does not come."""
        until = time.monotonic() + seconds
        while not reached():
            assert time.monotonic() < until
            time.sleep(0.1)

    def flush(self) -> None:
        """Makes the broker forget everything."""
        with redis.Redis.from_url(self.child("gateway").environment["VISCERA_BROKER_URL"]) as broker:
            broker.flushall()

    @contextmanager
    def second_worker(self, stage: str, **environment: str) -> Iterator[None]:
        """One more worker of a stage, or one more reconciler, for as long as the context lasts."""
        first = self.child(stage)
        command = ["second@local" if part == f"{stage}@local" else part for part in first.command]
        with (self.system.data / "log" / "second.log").open("ab") as log:
            process = subprocess.Popen(
                command, env=first.environment | environment, cwd=self.system.data, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """A supervised process and all it started stopped for as long as the context lasts."""
        main = psutil.Process(self.child(name).process.pid)
        with stopped([main, *main.children(recursive=True)]):
            yield

    @contextmanager
    def stalled_database(self) -> Iterator[None]:
        """PostgreSQL and all its processes stopped for as long as the context lasts."""
        with self.ledger.engine.connect() as connection:
            backend = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        postmaster = psutil.Process(backend).parent()
        with stopped([postmaster, *postmaster.children()]):
            yield

    def restart_database(self, how: str) -> None:
        """PostgreSQL stopped and started again (`fast`, `immediate`), or crashed by one of its own (`crash`)."""
        with self.ledger.engine.connect() as connection:
            mine = psutil.Process(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())
        postmaster = mine.parent().cmdline()
        data = postmaster[postmaster.index("-D") + 1]
        if how == "crash":  # the postmaster ends every connection and recovers from its log
            mine.send_signal(signal.SIGKILL)
            return
        as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        command = [*as_user, str(programs() / "pg_ctl"), "-D", data, "-m", how, "-w", "-l", f"{data}/log", "restart"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=60, cwd="/")

    def cut_database_connections(self) -> None:
        """Ends every other connection to the ledger, whatever it is doing."""
        others = "pid <> pg_backend_pid() AND datname = current_database()"
        query = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"
        with self.ledger.engine.connect() as connection:
            connection.exec_driver_sql(query)

    def fence(self, job_id: str, stage: str) -> int:
        """The newest fence of a stage."""
        query = select(stage_runs.c.fence).where(stage_runs.c.job_id == job_id, stage_runs.c.stage == stage)
        with self.ledger.read() as connection:
            return int(connection.execute(query).scalar_one())

    def check(self, *job_ids: str, ended: str = "succeeded") -> None:
        """The promise, job by job: one end, one result a stage, the right bytes, no lease left behind."""
        for job_id in job_ids:
            assert self.end(job_id) == ended
            with self.ledger.read() as connection:
                format_ = jobs.get_scan(connection, None, jobs.get(connection, None, job_id).scan_id).format
                kinds = Counter(connection.execute(select(events.c.kind).where(events.c.job_id == job_id)).scalars())
                runs = connection.execute(select(stage_runs).where(stage_runs.c.job_id == job_id)).all()
                made = connection.execute(select(artifacts).where(artifacts.c.job_id == job_id)).all()
            assert sum(kinds[end] for end in ENDS) == 1, kinds
            assert not [run for run in runs if run.state == "running" or run.lease_until is not None]
            assert len({row.name for row in made}) == len(made)
            assert {row.stage for row in made} - {"files"} <= {run.stage for run in runs if run.state == "done"}
            if ended == "succeeded":
                self._check_bytes(made, format_)

    def _check_bytes(self, made: list, format_: str) -> None:
        for row in made:
            content = b"".join(self.store.read(row.key))
            assert (hashlib.sha256(content).hexdigest(), len(content)) == (row.sha256, row.bytes)
        glb = next(row.sha256 for row in made if row.name == "model.glb")
        assert glb == self.references.setdefault(format_, glb), "the same bytes as without a fault"
