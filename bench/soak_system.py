"""The soak's running system, several workers a stage, and what is done to it."""

from __future__ import annotations

import random
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil
import redis
from sqlalchemy import select

from services.local import Child, LocalSystem, free_port
from shared.errors import VisceraError
from shared.ledger import Ledger
from shared.ledger.tables import stage_runs
from shared.worker.queue import STAGES
from tests.support.tiny_models import tiny_models

ROOT = Path(__file__).resolve().parent.parent


@dataclass(slots=True)
class SoakSystem(LocalSystem):
    """The embedded system with several gateways and workers: `workers` of each stage, small or `whole`."""

    workers: int = 2
    whole: bool = False
    gateways: int = 2
    ports: list[int] = field(default_factory=list)

    @property
    def urls(self) -> list[str]:
        """Return the address of each gateway."""
        return [self.url, *(f"http://127.0.0.1:{port}" for port in self.ports)]

    def _children(self, environment: dict[str, str]) -> list[Child]:
        small = {} if self.whole else tiny_models(self.data / "tiny")
        made = []
        for child in LocalSystem._children(self, environment):
            if child.name in STAGES:
                made += [self._worker(child, number, small) for number in range(self.workers)]
            else:
                made.append(child)
        self.ports = [free_port() for _ in range(self.gateways - 1)]
        return made + [self._gateway(made[-1], port) for port in self.ports]

    def _gateway(self, first: Child, port: int) -> Child:
        command = [str(port) if part == str(self.port) else part for part in first.command]
        return replace(first, name=f"gateway:{port}", command=command)

    def _worker(self, child: Child, number: int, small: dict[str, str]) -> Child:
        own = {f"{child.name}@local": f"{child.name}-{number}@local"}
        environment = child.environment
        if not self.whole:
            own[f"services.{child.name}"] = "bench.soak_stages"
            environment = environment | small | {"SOAK_STAGE": child.name, "PYTHONPATH": str(ROOT)}
        return Child(f"{child.name}-{number}", [own.get(part, part) for part in child.command], environment)


@dataclass(frozen=True, slots=True)
class Kill:
    """A kill -9: when, of whom, whether of the whole worker or its child, and the work that it held then."""

    at: float
    who: str
    whole: bool
    held: tuple[tuple[str, str, int], ...] = ()


@dataclass
class Strikes:
    """What is done to the system: kill -9 of a random process of its, and an emptied queue.

    Half of the kills strike a whole worker, half only its child; `others` (gateways, reconciler) are struck seldom.
    """

    workers: list[Child]
    others: list[Child]
    broker: str
    between: tuple[float, float]
    flush: float
    chance: random.Random
    held_by: Callable[[str], tuple[tuple[str, str, int], ...]] = lambda _: ()
    kills: list[Kill] = field(default_factory=list)
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
            other = self.others and self.chance.random() < 0.1
            victim = self.chance.choice(self.others if other else self.workers)
            whole = bool(other) or self.chance.random() < 0.5
            with suppress(psutil.NoSuchProcess, AttributeError):  # it is down at this moment
                self._strike(victim, whole)

    def _strike(self, victim: Child, whole: bool) -> None:
        main = psutil.Process(victim.process.pid)  # type: ignore[union-attr]
        children = main.children(recursive=True)
        if not whole and not children:
            return  # it has not begun yet
        held = self.held_by(f"{socket.gethostname()}:{main.pid}:{victim.name.partition('-')[0]}")
        at = time.time()
        for process in [*children, main] if whole else children[:1]:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        self.kills.append(Kill(at, victim.name, whole, held))

    def _flush(self, stop: threading.Event) -> None:
        while not stop.wait(self.flush):
            with suppress(redis.RedisError), redis.Redis.from_url(self.broker) as broker:
                broker.flushall()
                self.flushes += 1


def leases_of(ledger: Ledger) -> Callable[[str], tuple[tuple[str, str, int], ...]]:
    """A function that tells the (job, stage, fence) that a worker holds now."""

    def held(worker: str) -> tuple[tuple[str, str, int], ...]:
        columns = stage_runs.c
        query = select(columns.job_id, columns.stage, columns.fence)
        query = query.where(columns.worker == worker, columns.state == "running")
        with suppress(VisceraError), ledger.read() as connection:
            return tuple((row.job_id, row.stage, row.fence) for row in connection.execute(query))
        return ()

    return held
