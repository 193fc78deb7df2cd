"""What queue and ledger cost a job: three empty stages, one job after the other, beside a plain Celery chain.

    python -m bench.cost [--jobs 200] [--out FILE.json]

Real workers on Valkey, PostgreSQL and local files. A job's cost is the ledger's time from its creation to its end, a
chain's the time from `apply_async` to its last task. Exits 1 if the median is over 50 ms.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from sqlalchemy import select

from bench import cost_stages
from bench.soak_report import summary
from shared.ledger import Ledger, jobs, open_ledger, workers
from shared.ledger.tables import jobs as rows
from shared.worker.queue import STAGES, make_app, notify
from tests.support import broker, contracts
from tests.support.postgresql import programs, server

MOST = 50.0
WARMING = 10
"""Jobs before those that count."""


def viscera(ledger: Ledger, queue: str, count: int) -> list[float]:
    """Milliseconds from creation to end of each of so many jobs."""
    app = make_app(queue)
    with ledger.write() as connection:
        jobs.ensure_tenant(connection, "t")
        scan = jobs.Scan(jobs.new_id("scan"), "scans/s/original", "0" * 64, 1, "png")
        jobs.add_scan(connection, "t", scan)
    took = []
    for _ in range(count):
        with ledger.write() as connection:
            job_id = jobs.create(connection, "t", scan.id, {}, seconds=600.0)
        notify(app, job_id, STAGES[0])
        while (seconds := _seconds(ledger, job_id)) is None:
            time.sleep(0.005)
        took.append(1000.0 * seconds)
    app.close()
    return took


def _seconds(ledger: Ledger, job_id: str) -> float | None:
    with ledger.read() as connection:
        row = connection.execute(select(rows.c.created, rows.c.ended).where(rows.c.id == job_id)).one()
    return None if row.ended is None else row.ended - row.created


def chains(queue: str, count: int) -> list[float]:
    """Milliseconds from `apply_async` to the last task of each of so many chains."""
    cost_stages.plain.conf.broker_url = queue
    took = []
    with redis.Redis.from_url(queue) as watch:
        for _ in range(count):
            began = time.time()
            cost_stages.send(cost_stages.plain)
            took.append(1000.0 * (float(watch.blpop(cost_stages.ENDED, 60)[1]) - began))
    return took


@contextmanager
def running(database: str, queue: str, folder: Path) -> Iterator[None]:
    """A worker of each stage, and one of each part of the chain."""
    environment = {
        **os.environ, "VISCERA_LEDGER_URL": database, "VISCERA_STORE_URL": f"file://{folder / 'store'}",
        "VISCERA_BROKER_URL": queue, "VISCERA_LOG_LEVEL": "ERROR", "PYTHONPATH": str(Path.cwd()),
    }  # fmt: skip
    python = [sys.executable, "-P", "-m"]
    plain = [*python, "celery", "-A", "bench.cost_stages:plain", "worker"]
    options = ["-c", "1", "-P", "prefork", "--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "ERROR"]
    processes = []
    for stage in STAGES:
        for command in (
            [*python, "bench.cost_stages", "--name", f"{stage}@cost"],
            [*plain, "-Q", f"plain-{stage}", "-n", f"plain-{stage}@cost", *options],
        ):
            own = environment | {"COST_STAGE": stage}
            processes.append(subprocess.Popen(command, env=own, cwd=folder, stdout=subprocess.DEVNULL))
    try:
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait(30)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    found = programs()
    if found is None:
        sys.exit("PostgreSQL's server programs are needed.")
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="bench-") as name, server(found) as url, broker.server(Path(name)) as queue:
        ledger = open_ledger(contracts.create_database(url))
        ledger.migrate()
        database = ledger.engine.url.render_as_string(hide_password=False)
        with running(database, queue, Path(name)):
            _wait(ledger)
            report = {
                "viscera_ms": summary(viscera(ledger, queue, given.jobs + WARMING)[WARMING:]),
                "chain_ms": summary(chains(queue, given.jobs + WARMING)[WARMING:]),
                "load": {"before": round(load, 2), "after": round(os.getloadavg()[0], 2)},
            }
        ledger.close()
    print(json.dumps(report, indent=2))
    if given.out:
        given.out.write_text(json.dumps(report, indent=2) + "\n")
    sys.exit(1 if report["viscera_ms"]["p50"] > MOST else 0)


def _wait(ledger: Ledger) -> None:
    for _ in range(1200):
        with ledger.read() as connection:
            if {worker.stage for worker in workers.alive(connection)} == set(STAGES):
                return
        time.sleep(0.1)
    raise TimeoutError


if __name__ == "__main__":
    main()
