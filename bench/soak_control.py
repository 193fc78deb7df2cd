"""The control of the soak: the same jobs and work, workers and broker, but a plain Celery `chain` and no ledger."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
from celery import Celery, chain

from bench import soak_stages
from bench.soak_report import Report, summary
from bench.soak_system import ROOT, Strikes
from services.local import Child, LocalSystem
from shared.settings import settings
from shared.worker.queue import STAGES
from tests.support.tiny_models import tiny_models

GIVEN_UP = 60.0
"""Seconds after which an unfinished job no longer holds up the next ones; redelivery takes less than half of that."""

app = Celery("control", broker=os.environ.get("VISCERA_BROKER_URL", "memory://"), set_as_current=False)
app.conf.update(
    task_acks_late=True, task_ignore_result=True, worker_prefetch_multiplier=1, worker_disable_prefetch=True,
    task_serializer="json", accept_content=["json"], broker_connection_max_retries=None,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"visibility_timeout": 15, "unacked_restore_interval": 5},
)  # fmt: skip
_tools: dict[str, Any] = {}


@app.task(name="control.stage")
def stage(number: int, name: str) -> None:
    """One stage of one job, its files in a folder; the last one notes in a file of its own that the job has ended."""
    soak = Path(os.environ["CONTROL_FOLDER"])
    folder = soak / "jobs" / str(number)
    folder.mkdir(parents=True, exist_ok=True)
    if name not in _tools:
        _tools[name] = soak_stages.load(name, settings())
    soak_stages.linger()
    if name == "classifier":
        soak_stages.classify(soak / "scan.nii.gz", _tools[name], folder.__truediv__)
    elif name == "segmenter":
        soak_stages.segment(folder.__truediv__, _tools[name], folder.__truediv__)
    else:
        soak_stages.mesh(folder.__truediv__, folder.__truediv__)
        with (soak / "ends" / str(number)).open("ab") as file:
            file.write(b".")


@dataclass(slots=True)
class Control(LocalSystem):
    """The embedded system's broker and supervisor with plain workers."""

    workers: int = 2

    def _children(self, environment: dict[str, str]) -> list[Child]:
        (self.data / "ends").mkdir()
        environment |= {"CONTROL_FOLDER": str(self.data), "PYTHONPATH": str(ROOT)}
        environment |= tiny_models(self.data / "tiny")
        broker = next(child for child in LocalSystem._children(self, environment) if child.name == "valkey")
        names = [(stage, f"{stage}-{number}") for stage in STAGES for number in range(self.workers)]
        return [broker, *(Child(name, _worker(stage, name), environment) for stage, name in names)]


def soak(system: Control, strikes: Strikes, count: int, seconds: float, most: int) -> Report:
    """Sends the chains, strikes until nothing moves any more or the time is over, and counts."""
    started, sent, took = time.monotonic(), {}, {}
    ends = system.data / "ends"
    with strikes.going_on():
        for number in range(count):
            while len(_unfinished(ends, sent, took)) >= most:
                time.sleep(0.1)
            send(number, strikes.broker)
            sent[number] = time.monotonic()
        _settle(ends, sent, took, started + seconds)
    lasted = time.monotonic() - started
    _settle(ends, sent, took, time.monotonic() + 120.0)  # what any redelivery can still bring back, it may
    runs = [path.stat().st_size for path in ends.iterdir()]
    return {
        "jobs": count, "lost": count - len(runs), "doubled": sum(n > 1 for n in runs), "succeeded": len(runs),
        "seconds": round(lasted, 1), "job_seconds": summary(list(took.values())),
    }  # fmt: skip


def _unfinished(ends: Path, sent: dict[int, float], took: dict[int, float]) -> list[int]:
    """The jobs that may still end; notes how long those took that have."""
    now = time.monotonic()
    for name in os.listdir(ends):  # noqa: PTH208 - many times a second
        took.setdefault(int(name), now - sent[int(name)])
    return [number for number, at in sent.items() if number not in took and now - at < GIVEN_UP]


def _settle(ends: Path, sent: dict[int, float], took: dict[int, float], until: float) -> None:
    while time.monotonic() < until and _unfinished(ends, sent, took):
        time.sleep(0.5)


def send(number: int, broker: str) -> None:
    """One job: three signatures in a chain, sent again until the broker takes them."""
    for _ in range(50):
        try:
            with app.connection_for_write(broker) as line:
                chain(*(stage.si(number, name).set(queue=name) for name in STAGES)).apply_async(connection=line)
        except (redis.RedisError, OSError):
            time.sleep(0.2)
        else:
            return


def _worker(stage: str, name: str) -> list[str]:
    return [
        *(sys.executable, "-P", "-m", "celery", "-A", "bench.soak_control", "worker", "-Q", stage, "-n", f"{name}@it"),
        *("-c", "1", "-P", "prefork", "--without-gossip", "--without-mingle", "-l", "WARNING"),
    ]
