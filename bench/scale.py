"""How the pool of workers grows: a stage that waits 200 ms, done by 1, 2 and 4 workers, on PostgreSQL and Valkey.

    python -m bench.scale [--seconds 0.2] [--jobs 60] [--workers 1 2 4]

The workers are real Celery processes; jobs lie ready in the ledger before their doorbells are rung. The rate is counted
from the first claim to the last result, as the ledger has them, and set against one worker's.
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
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import func, select

from shared.ledger import Ledger, jobs, open_ledger, workers
from shared.ledger.tables import stage_runs
from shared.worker.queue import make_app, notify
from tests.support import broker, contracts
from tests.support.postgresql import programs, server


def measure(database: str, queue: str, folder: Path, *, count: int, total: int, seconds: float) -> float:
    """Stages a second with `count` workers."""
    ledger = open_ledger(database)
    ids = _ready(ledger, total)
    environment = worker_environment(database, queue, folder, seconds)
    command = [sys.executable, "-P", "-m", "bench.stub", "--name"]
    running = [
        subprocess.Popen([*command, f"w{n}@bench"], env=environment, cwd=folder, stdout=subprocess.DEVNULL)
        for n in range(count)
    ]
    try:
        wait_until(lambda: alive(ledger) == count)
        app = make_app(queue)
        for job_id in ids:
            notify(app, job_id, "classifier")
        wait_until(lambda: _span(ledger, ids)[2] == total)
        first, last, _ = _span(ledger, ids)
        return total / (last - first)
    finally:
        for process in running:
            process.send_signal(signal.SIGTERM)
        for process in running:
            process.wait(30)
        ledger.close()


def _ready(ledger: Ledger, total: int) -> list[str]:
    with ledger.write() as connection:
        jobs.ensure_tenant(connection, "t")
        ids = []
        for _ in range(total):
            scan = jobs.Scan(jobs.new_id("scan"), "scans/s/original", "0" * 64, 1, "png")
            jobs.add_scan(connection, "t", scan)
            ids.append(jobs.create(connection, "t", scan.id, {}, seconds=3600.0, patience=3600.0))
    return ids


def worker_environment(database: str, queue: str, folder: Path, seconds: float) -> dict[str, str]:
    """The environment of workers that only wait (`bench.stub`), with a store in `folder`."""
    return {
        **os.environ, "VISCERA_LEDGER_URL": database, "VISCERA_STORE_URL": f"file://{folder / 'store'}",
        "VISCERA_BROKER_URL": queue, "VISCERA_LOG_LEVEL": "ERROR", "BENCH_SECONDS": str(seconds),
        "PYTHONPATH": str(Path.cwd()),
    }  # fmt: skip


def alive(ledger: Ledger) -> int:
    """How many workers are alive."""
    with ledger.read() as connection:
        return len(workers.alive(connection))


def _span(ledger: Ledger, ids: list[str]) -> tuple[float, float, int]:
    mine = (stage_runs.c.job_id.in_(ids)) & (stage_runs.c.stage == "classifier") & (stage_runs.c.state == "done")
    query = select(func.min(stage_runs.c.started), func.max(stage_runs.c.ended), func.count()).where(mine)
    with ledger.read() as connection:
        first, last, done = connection.execute(query).one()
    return first or 0.0, last or 0.0, done


def wait_until(reached: Callable[[], bool]) -> None:
    """Wait until this is true, at most three minutes."""
    for _ in range(9000):
        if reached():
            return
        time.sleep(0.02)
    raise TimeoutError


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.2)
    parser.add_argument("--jobs", type=int, default=60, help="for one worker; more workers get as many each")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    given = parser.parse_args()
    found = programs()
    if found is None:
        sys.exit("PostgreSQL's server programs are needed.")
    with tempfile.TemporaryDirectory(prefix="bench-") as name, server(found) as url:
        folder = Path(name)
        with broker.server(folder) as queue:
            rates = {}
            for count in given.workers:
                database = contracts.create_database(url)
                opened = open_ledger(database)
                opened.migrate()
                opened.close()
                own = queue.removesuffix("0") + str(count)
                rates[count] = measure(
                    database, own, folder, count=count, total=given.jobs * count, seconds=given.seconds
                )
        one = rates[given.workers[0]] / given.workers[0]
        print(
            json.dumps({
                f"{count} workers": {"stages/s": round(rate, 2), "of linear": round(rate / count / one, 3)}
                for count, rate in rates.items()
            })
        )  # fmt: skip


if __name__ == "__main__":
    main()
