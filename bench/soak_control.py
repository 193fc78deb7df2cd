"""The control of the soak: the same jobs, three workers and broker, but a plain Celery `chain` and no ledger."""

from __future__ import annotations

import os
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import redis
from celery import Celery, chain

from services.local import Child, LocalSystem
from shared.queue import STAGES

if TYPE_CHECKING:
    from bench.soak import Strikes

WORK = 0.6
"""Seconds of work in one stage, as long as the coarse phantom keeps the slowest stage."""

app = Celery("control", broker=os.environ.get("VISCERA_BROKER_URL", "memory://"), set_as_current=False)
app.conf.update(
    task_acks_late=True, task_ignore_result=True, worker_prefetch_multiplier=1, worker_disable_prefetch=True,
    task_serializer="json", accept_content=["json"], broker_connection_max_retries=None,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"visibility_timeout": 15, "unacked_restore_interval": 5},
)  # fmt: skip


@app.task(name="control.stage")
def stage(number: int, name: str) -> None:
    """One stage of one job; the last one notes in a file of its own that the job has ended."""
    until = time.monotonic() + WORK
    while time.monotonic() < until:
        sum(range(10000))
    if name == STAGES[-1]:
        with (Path(os.environ["VISCERA_SOAK"]) / str(number)).open("ab") as file:
            file.write(b".")


class Control(LocalSystem, AbstractContextManager):
    """The embedded system's broker and supervisor with three plain workers."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "data", calm=0.5)
        self.ends = folder / "ends"
        self.ends.mkdir()

    def _children(self, environment: dict[str, str]) -> list[Child]:
        environment |= {"VISCERA_SOAK": str(self.ends), "PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
        broker = next(child for child in super()._children(environment) if child.name == "valkey")
        return [broker, *(Child(name, _worker(name), environment) for name in STAGES)]

    def soak(self, strikes: Strikes, count: int, seconds: float) -> dict[str, Any]:
        """Sends the chains, strikes until nothing moves any more or the time is over, and counts."""
        time.sleep(5.0)
        started = time.monotonic()
        with strikes.going_on():
            for number in range(count):
                send(number, strikes.broker)
            self._settle(started + seconds)
            took = time.monotonic() - started
        self._settle(time.monotonic() + 120.0)  # what any redelivery can still bring back, it may
        ended = {path.name: path.stat().st_size for path in self.ends.iterdir()}
        doubled = sum(size > 1 for size in ended.values())
        lost = count - len(ended)
        return {"jobs": count, "lost": lost, "doubled": doubled, "succeeded": len(ended), "seconds": round(took, 1)}

    def _settle(self, until: float, quiet: float = 45.0) -> None:
        """Waits until no job has ended for longer than any redelivery takes."""
        count, since = -1, time.monotonic()
        while time.monotonic() < until and time.monotonic() - since < quiet:
            found = len(list(self.ends.iterdir()))
            if found != count:
                count, since = found, time.monotonic()
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


def _worker(name: str) -> list[str]:
    return [
        *(sys.executable, "-m", "celery", "-A", "bench.soak_control", "worker", "-Q", name, "-n", f"{name}@control"),
        *("-c", "1", "-P", "prefork", "--without-gossip", "--without-mingle", "-l", "WARNING"),
    ]
