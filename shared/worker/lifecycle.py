"""Starts a worker: builds the Celery application of a stage and connects Celery's signals to parent and child."""

from __future__ import annotations

import argparse
import os
import socket

from celery import Celery, signals

from shared.ledger import files
from shared.settings import Settings, settings
from shared.telemetry import log
from shared.worker.child import ChildProcess
from shared.worker.parent import ParentProcess
from shared.worker.queue import make_app, task_name
from shared.worker.stage import Stage

TASK_GRACE = 60.0
"""Seconds that a child may take longer than the job's deadline before Celery kills it."""
OPTIONS = (
    "--concurrency=1",  # one child, so that a lost child costs one attempt of one job
    "--pool=prefork",
    "--without-gossip",
    "--without-mingle",
    "--without-heartbeat",
    "--loglevel=WARNING",
)


def build_worker(stage: Stage, settings: Settings) -> Celery:
    """Return the Celery application whose workers run this stage; connects this process's Celery signals to it."""
    app = make_app(settings.broker_url, settings.job_seconds + TASK_GRACE)
    worker = f"{socket.gethostname()}:{os.getpid()}:{stage.name}"
    parent, child = ParentProcess(stage, worker, settings), ChildProcess(stage, worker, settings, app)
    app.task(name=task_name(stage.name))(child.run)
    if stage.write_file is not None:
        app.task(name=task_name(files.STAGE))(child.run_file)
    signals.worker_init.connect(lambda **_: parent.prepare(), weak=False)
    signals.worker_ready.connect(lambda **_: parent.ready(), weak=False)
    signals.worker_shutting_down.connect(lambda **_: parent.shut_down(), weak=False)
    signals.worker_process_init.connect(lambda **_: child.start(), weak=False)
    signals.setup_logging.connect(lambda **_: log.configure(settings.log_level), weak=False)
    return app


def main(stage: Stage) -> None:
    """Run a worker of the stage until it is asked to stop; the command line is `[--name NODE]`."""
    parser = argparse.ArgumentParser(description=f"Runs a worker of the {stage.name}.")
    parser.add_argument("--name", default=f"{stage.name}@%h", help="Celery node name; %%h is the host name.")
    name = parser.parse_args().name
    app = build_worker(stage, settings())
    app.worker_main(["worker", f"--queues={stage.name}", f"--hostname={name}", *OPTIONS])
