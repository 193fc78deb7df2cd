"""A stage: the task of a worker and how its tool is loaded. Importing one reads no settings and opens nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared.settings import Settings
from shared.worker.work import Work


def _no_tool(_: Any) -> Any:
    return None


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a job.

    `task` does the work of one claim. `load` returns the tool that the task needs, such as a network; it runs once in
    each worker child. `describe` returns what the ledger keeps about that tool. `write_file` writes one requested file
    of an ended job, where the worker of this stage does that too.

    A worker whose tool is a `Shelf` takes only jobs that ask for one of its models, or for none.
    """

    name: str
    task: Callable[[Work], None]
    load: Callable[[Settings], Any] = _no_tool
    describe: Callable[[Any], Any] = _no_tool
    write_file: Callable[[Work, str], None] | None = None


def stage(
    name: str,
    load: Callable[[Settings], Any] = _no_tool,
    describe: Callable[[Any], Any] = _no_tool,
    write_file: Callable[[Work, str], None] | None = None,
) -> Callable[[Callable[[Work], None]], Stage]:
    """Return a decorator that turns a function of `Work` into the stage of this name."""
    return lambda task: Stage(name, task, load, describe, write_file)
