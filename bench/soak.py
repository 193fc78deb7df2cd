"""Jobs through real processes while workers are killed and the queue is emptied; at the end, what became of them.

    python -m bench.soak [--jobs 2000] [--kill 2,5] [--flush 60] [--seed 0] [--seconds 7200]
    python -m bench.soak --control [the same]

The first is the embedded system with its own models and a coarse phantom. The second is the same number of jobs through
three workers and a plain Celery `chain` on the same broker with `acks_late`, struck in the same way: it must lose jobs,
or the strikes prove nothing. Recovery is the time from a kill to the next start of the struck job's stage. Exits 1 if
the system lost, doubled or left a job, or if the control lost none.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil
import redis
from sqlalchemy import select

from bench.soak_control import Control
from services.client import Client
from services.local import Child, LocalSystem
from shared.errors import VisceraError
from shared.ledger import Ledger, open_ledger
from shared.ledger.tables import artifacts, events, jobs, stage_runs
from shared.queue import STAGES

ENDS = ("succeeded", "failed", "cancelled")


@dataclass
class Strikes:
    """What is done to the system: kill -9 of a random worker or its child, and an emptied queue."""

    workers: list[Child]
    broker: str
    between: tuple[float, float]
    flush: float
    chance: random.Random
    kills: list[tuple[float, str]] = field(default_factory=list)
    flushes: int = 0

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Strikes for as long as the context lasts."""
        stop = threading.Event()
        threads = [threading.Thread(target=way, args=(stop,)) for way in (self._kill, self._flush)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def _kill(self, stop: threading.Event) -> None:
        while not stop.wait(self.chance.uniform(*self.between)):
            worker = self.chance.choice(self.workers)
            with suppress(psutil.NoSuchProcess, AttributeError):  # it is down at this moment
                main = psutil.Process(worker.process.pid)
                children = main.children(recursive=True)
                victims = (
                    [self.chance.choice(children)] if children and self.chance.random() < 0.5 else [*children, main]
                )
                for victim in victims:
                    victim.send_signal(signal.SIGKILL)
                self.kills.append((time.time(), worker.name))

    def _flush(self, stop: threading.Event) -> None:
        while not stop.wait(self.flush):
            with suppress(redis.RedisError), redis.Redis.from_url(self.broker) as broker:
                broker.flushall()
                self.flushes += 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--kill", default="2,5", help="seconds between kills: least,most")
    parser.add_argument("--flush", type=float, default=60.0, help="seconds between two FLUSHALL")
    parser.add_argument("--seconds", type=float, default=7200.0, help="after the last job was sent, to end in")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--control", action="store_true")
    given = parser.parse_args()
    low, high = (float(part) for part in given.kill.split(","))
    os.environ |= {"VISCERA_THREADS": "1", "VISCERA_QUEUE_BOUND": str(given.jobs + 1)}
    with tempfile.TemporaryDirectory(prefix="viscera-soak-") as folder:
        system = Control(Path(folder)) if given.control else LocalSystem(Path(folder) / "data", calm=0.5)
        with system:
            workers = [child for child in system.children if child.name in STAGES]
            broker = workers[0].environment["VISCERA_BROKER_URL"]
            strikes = Strikes(workers, broker, (low, high), given.flush, random.Random(given.seed))
            if isinstance(system, Control):
                report = system.soak(strikes, given.jobs, given.seconds)
            else:
                report = soak(system, strikes, given.jobs, given.seconds, Path(folder))
        report |= {"kills": len(strikes.kills), "flushes": strikes.flushes}
    print(json.dumps(report, indent=2))
    bad = not report["lost"] if given.control else report["lost"] or report["doubled"] or report["stuck"]
    sys.exit(1 if bad else 0)


def soak(system: LocalSystem, strikes: Strikes, count: int, seconds: float, folder: Path) -> dict:
    """Sends the jobs, strikes until all have ended or the time is over, and counts."""
    scan = _scan(folder / "scan.nii.gz")
    ledger = open_ledger(f"sqlite:///{system.data / 'ledger.db'}")
    system.wait_ready()
    started, sent = time.monotonic(), []
    with Client(system.url, system.key) as client, strikes.going_on():
        for _ in range(count):
            sent.append(client.submit(scan, quality="light")["id"])
        until = time.monotonic() + seconds
        while _open(ledger) and time.monotonic() < until:
            time.sleep(0.5)
        took = time.monotonic() - started
    report = _count(ledger, sent) | {"seconds": round(took, 1), "recovery": _recovery(ledger, strikes.kills)}
    ledger.close()
    return report


def _scan(path: Path) -> Path:
    import nibabel as nib

    from shared.geometry import Geometry
    from shared.phantoms import abdomen

    affine = np.diag([3.0, 3.0, -8.0, 1.0])
    affine[:3, 3] = [-142.5, -142.5, 92.0]
    volume = abdomen(Geometry((24, 96, 96), affine)).volume
    nib.save(nib.Nifti1Image(volume.data.T, volume.geometry.ras), path)
    return path


def _open(ledger: Ledger) -> bool:
    with suppress(VisceraError), ledger.read() as connection:
        query = select(jobs.c.id).where(jobs.c.state.not_in(ENDS)).limit(1)
        return connection.execute(query).first() is not None
    return True


def _count(ledger: Ledger, sent: list[str]) -> dict:
    """lost: not in the ledger; doubled: two ends or two results of one name; stuck: without an end."""
    with ledger.read() as connection:
        rows = {row.id: row for row in connection.execute(select(jobs.c.id, jobs.c.state, jobs.c.error_code))}
        ends = Counter(connection.execute(select(events.c.job_id).where(events.c.kind.in_(ENDS))).scalars())
        made = Counter(map(tuple, connection.execute(select(artifacts.c.job_id, artifacts.c.name))))
        tries = connection.execute(select(stage_runs.c.attempts)).scalars().all()
    codes = Counter(row.error_code for row in rows.values() if row.state == "failed")
    doubled = {job for job, n in ends.items() if n > 1} | {job for (job, _), n in made.items() if n > 1}
    return {
        "jobs": len(sent),
        "lost": sum(job not in rows for job in sent),
        "doubled": len(doubled),
        "stuck": sum(rows[job].state not in ENDS for job in sent if job in rows),
        "succeeded": sum(row.state == "succeeded" for row in rows.values()),
        "worker_lost": codes.pop("worker_lost", 0),
        "other_failures": dict(codes),
        "most_tries": max(tries, default=0),
    }


def _recovery(ledger: Ledger, kills: list[tuple[float, str]]) -> dict:
    """Seconds from the kill of a worker at work to the next start of the stage it worked on: p50, p95, p99."""
    kinds = ("stage_started", "stage_done", "given_back", *ENDS)
    query = select(events.c.job_id, events.c.at, events.c.kind, events.c.data).where(events.c.kind.in_(kinds))
    runs: dict[tuple[str, str], list[tuple[float, str]]] = {}
    with ledger.read() as connection:
        for row in connection.execute(query.order_by(events.c.id)):
            runs.setdefault((row.job_id, (row.data or {}).get("stage", "")), []).append((row.at, row.kind))
    waits = []
    for (_, stage), told in runs.items():
        for (began, first), (again, second) in pairwise(told):
            if first == second == "stage_started":
                struck = [at for at, name in kills if name == stage and began <= at < again]
                waits += [again - struck[0]] if struck else []
    if not waits:
        return {"count": 0}
    p50, p95, p99 = (round(float(np.percentile(waits, q)), 1) for q in (50, 95, 99))
    return {"count": len(waits), "p50": p50, "p95": p95, "p99": p99, "most": round(max(waits), 1)}


if __name__ == "__main__":
    main()
