"""Three stages that do nothing, as Viscera's (COST_STAGE names the one served) and as tasks of a plain chain."""

from __future__ import annotations

import os
import time

import redis
from celery import Celery, chain

from shared.worker.lifecycle import main
from shared.worker.queue import STAGES
from shared.worker.stage import Stage
from shared.worker.work import Work

BROKER = os.environ.get("VISCERA_BROKER_URL", "memory://")
ENDED = "cost.ended"

plain = Celery("plain", broker=BROKER, set_as_current=False)
plain.conf.update(task_acks_late=True, task_ignore_result=True, worker_prefetch_multiplier=1, task_serializer="json")


@plain.task(name="plain.stage")
def nothing(name: str) -> None:
    """One stage of a chain; the last one tells when it ended."""
    if name == STAGES[-1]:
        with redis.Redis.from_url(BROKER) as broker:
            broker.rpush(ENDED, time.time())


def send(app: Celery) -> None:
    """One chain of three."""
    parts = (app.signature("plain.stage", (name,), immutable=True, queue=f"plain-{name}") for name in STAGES)
    chain(*parts, app=app).apply_async()


def empty(work: Work) -> None:
    """Nothing at all."""


if __name__ == "__main__":
    main(Stage(os.environ["COST_STAGE"], empty))
