"""How long a tenant's single job waits beside a tenant with many jobs, and alone, on the real queue.

    python -m bench.fairness [--many 1000] [--single 20] [--seconds 0.5] [--workers 1] [--out FILE.json]

PostgreSQL, Valkey, the reconciler and real Celery workers of three stages that only wait. One tenant's jobs are queued
first. Then another tenant's jobs come one after another. The wait of a job is the time from its creation, and from the
end of each stage, to the start of the next stage, as the ledger has it. `overtaken` is how many runs of the other
tenant started at one stage while a job of this tenant waited there. Exits 1 if that is more than the stage has workers,
or if the p95 of the wait grows by more than the length of one job per stage and what a claim costs.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from celery import Celery
from sqlalchemy import func, select

from bench.scale import alive, wait_until, worker_environment
from shared.ledger import Ledger, jobs, open_ledger
from shared.ledger.ids import new_id
from shared.ledger.tables import stage_runs
from shared.worker.queue import STAGES, make_app, notify
from tests.support import broker, contracts
from tests.support.postgresql import programs, server

CLAIM_SECONDS = 0.02
"""What one claim beside a long queue may cost."""


def main() -> None:
    arguments = parse_arguments()
    if (found := programs()) is None:
        sys.exit("PostgreSQL's server programs are needed.")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        database = contracts.create_database(stack.enter_context(server(found)))
        queue = stack.enter_context(broker.server(folder))
        ledger = open_ledger(database)
        stack.callback(ledger.close)
        ledger.migrate()
        stack.enter_context(processes(database, queue, folder, arguments))
        report = measure(ledger, make_app(queue), arguments)
    print(json.dumps(report, indent=2))
    if arguments.out:
        arguments.out.write_text(json.dumps(report, indent=2) + "\n")
    sys.exit(0 if report["within_bound"] else 1)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--many", type=int, default=1000, help="jobs of the tenant with many")
    parser.add_argument("--single", type=int, default=20, help="jobs of the tenant that sends one at a time")
    parser.add_argument("--seconds", type=float, default=0.5, help="length of each stage")
    parser.add_argument("--workers", type=int, default=1, help="of each stage")
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


def measure(ledger: Ledger, app: Celery, arguments: argparse.Namespace) -> dict[str, object]:
    """Return the waits alone and beside the other tenant's jobs, in seconds."""
    wait_until(lambda: alive(ledger) == arguments.workers * len(STAGES))
    alone = [wait_of(run_one(ledger, app)) for _ in range(arguments.single)]
    many = [_add(ledger, app, "many") for _ in range(arguments.many)]
    wait_until(lambda: _ended(ledger, many[0]))  # every stage is at work
    done = [run_one(ledger, app) for _ in range(arguments.single)]
    beside = [wait_of(job) for job in done]
    left = sum(not _ended(ledger, job_id) for job_id in many)
    bound = p95(alone) + len(STAGES) * (arguments.seconds + CLAIM_SECONDS)
    overtaken = max(overtaking(ledger, job) for job in done)
    return {
        "jobs_of_the_other": arguments.many, "left_at_the_end": left, "seconds_per_stage": arguments.seconds,
        "workers_per_stage": arguments.workers, "overtaken": overtaken, "alone_p95": round(p95(alone), 3),
        "beside_p95": round(p95(beside), 3), "beside_median": round(statistics.median(beside), 3),
        "bound": round(bound, 3),
        "within_bound": p95(beside) <= bound and overtaken <= arguments.workers and left > 0,
    }  # fmt: skip


def run_one(ledger: Ledger, app: Celery) -> jobs.Job:
    """Run one job of the tenant that has a single one to its end."""
    job_id = _add(ledger, app, "single")
    wait_until(lambda: _ended(ledger, job_id))
    with ledger.read() as connection:
        return jobs.get(connection, None, job_id)


def waits_of(job: jobs.Job) -> list[tuple[str, float, float]]:
    """Return for each stage when the job began to wait for it and when it started."""
    ready = [job.created, *(run.ended or 0.0 for run in job.stages)]
    return [(run.stage, since, run.started or 0.0) for run, since in zip(job.stages, ready, strict=False)]


def wait_of(job: jobs.Job) -> float:
    """Return the seconds in which no stage worked on the job."""
    return sum(started - since for _, since, started in waits_of(job))


def overtaking(ledger: Ledger, job: jobs.Job) -> int:
    """Return how many runs started at one stage, at most, while the job waited for it."""
    most = 0
    with ledger.read() as connection:
        for stage, since, started in waits_of(job):
            while_waiting = (stage_runs.c.started > since) & (stage_runs.c.started < started)
            query = select(func.count()).where(stage_runs.c.stage == stage, while_waiting)
            most = max(most, int(connection.execute(query).scalar_one()))
    return most


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


@contextmanager
def processes(database: str, queue: str, folder: Path, arguments: argparse.Namespace) -> Iterator[None]:
    """Run the workers and the reconciler while the context lasts."""
    environment = worker_environment(database, queue, folder, arguments.seconds)
    commands = [(["services.reconciler"], "")]
    commands += [(["bench.stub", "--name", f"{s}{n}@bench"], s) for s in STAGES for n in range(arguments.workers)]
    running = [
        subprocess.Popen(
            [sys.executable, "-P", "-m", *command],
            env=environment | {"BENCH_STAGE": stage},
            cwd=folder,
            stdout=subprocess.DEVNULL,
        )
        for command, stage in commands
    ]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def _add(ledger: Ledger, app: Celery, tenant: str) -> str:
    with ledger.write() as connection:
        jobs.ensure_tenant(connection, tenant)
        scan_id = new_id("scan")
        jobs.add_scan(connection, tenant, jobs.Scan(scan_id, f"scans/{scan_id}/original", "0" * 64, 1, "png"))
        job_id = jobs.create(connection, tenant, scan_id, {}, seconds=7200.0)
    notify(app, job_id, STAGES[0])
    return job_id


def _ended(ledger: Ledger, job_id: str) -> bool:
    with ledger.read() as connection:
        return jobs.get(connection, None, job_id).state == "succeeded"


if __name__ == "__main__":
    main()
