"""The queue: Celery carries "look at job J, stage S" and nothing else.

Nothing depends on a message: the ledger knows what is due, and the reconciler notifies again.
"""

from __future__ import annotations

from typing import Any

from celery import Celery

from shared.ledger import files
from shared.ledger.jobs import STAGES

__all__ = ["STAGES", "make_app", "notify", "queue_length"]
RETRIED_PRIORITY, URGENT_PRIORITY, NORMAL_PRIORITY, FILE_PRIORITY = 0, 3, 6, 9
"""Priorities of a message; Redis and Valkey deliver the smaller number first."""
_QUEUES = {files.STAGE: STAGES[-1]}
"""The worker of the last stage also writes requested files, when no job waits for it."""


def make_app(broker_url: str, seconds: float | None = None, answer_within: float = 30.0) -> Celery:
    """Return a Celery application on the broker whose settings make a lost or doubled message harmless.

    A child that works on one task for longer than `seconds` is killed. `answer_within` is the socket timeout in
    seconds: short for processes that only notify.
    """
    app = Celery("viscera", broker=broker_url, set_as_current=False)
    app.conf.update(
        task_acks_late=True,
        task_reject_on_worker_lost=False,
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        task_time_limit=seconds,
        task_serializer="json",
        accept_content=["json"],
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=True,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_proc_alive_timeout=60.0,
        worker_soft_shutdown_timeout=5.0,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "visibility_timeout": 7200,
            "unacked_restore_interval": 10,
            "socket_timeout": answer_within,
            "socket_connect_timeout": 3.0,
            "health_check_interval": 10,
            # A gateway whose broker is unavailable answers at once: the reconciler notifies later.
            "max_retries": 1,
            "interval_start": 0.0,
            "interval_step": 0.1,
            "interval_max": 0.1,
        },
        broker_pool_limit=2,
    )
    return app


def task_name(stage: str) -> str:
    """Return the Celery name of a stage's task."""
    return f"viscera.{stage}"


def notify(app: Celery, job_id: str, stage: str, *, retried: bool = False, urgent: bool = False) -> None:
    """Send a message of a stage, or of `files`: a requested file of this job is due.

    Raises the broker's error, which callers may ignore: the reconciler notifies again. A message of retried work, which
    lost its worker before, is delivered before all others. Of the others, an urgent one (a person waits for a revision)
    comes first and one of a file last.
    """
    normal = URGENT_PRIORITY if urgent else FILE_PRIORITY if stage == files.STAGE else NORMAL_PRIORITY
    options: dict[str, Any] = {"queue": _QUEUES.get(stage, stage), "ignore_result": True, "retry": False}
    app.send_task(task_name(stage), args=[job_id], priority=RETRIED_PRIORITY if retried else normal, **options)


def queue_length(app: Celery, stage: str) -> int:
    """Return the number of messages in the queue of a stage or of `files`.

    Raises the broker's error.
    """
    with app.connection_for_write() as line:
        channel: Any = line.default_channel
        return int(channel.queue_declare(queue=_QUEUES.get(stage, stage)).message_count)
