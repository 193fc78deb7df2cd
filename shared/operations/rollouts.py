"""Begins, ends and lists roll-outs of models, also in a container that has no command line of Viscera.

python -P -m shared.operations.rollouts begin MODEL --share N | end | list
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from shared.errors import VisceraError
from shared.ledger import Ledger, open_ledger, rollouts
from shared.ledger.rollouts import RollOut
from shared.settings import Settings


def begin(ledger: Ledger, model: str, share: int) -> list[str]:
    """Give a model to `share` percent of the jobs that name none; return one sentence per modality.

    Raises VisceraError where that can't be.
    """
    with _current(ledger).write() as connection:
        begun = rollouts.begin(connection, model, share)
    return [f"{_line(each)} that name no model." for each in begun]


def end(ledger: Ledger) -> list[str]:
    """End all roll-outs; return one sentence per modality.

    Raises VisceraError for tables of an earlier version.
    """
    with _current(ledger).write() as connection:
        ended = rollouts.end(connection)
    return [
        f"No further job of {each.modality} gets {each.name} {each.version}; those that have it keep it."
        for each in ended
    ] or ["No model is rolled out."]


def every(ledger: Ledger) -> list[str]:
    """Return one sentence per roll-out.

    Raises VisceraError for tables of an earlier version.
    """
    with _current(ledger).read() as connection:
        return [f"Roll-out: {_line(each)}." for each in rollouts.every(connection)]


def _line(rollout: RollOut) -> str:
    removed = "" if rollout.offered else " (removed, so none gets it)"
    return f"{rollout.name} {rollout.version}{removed} gets {rollout.share} % of the jobs of {rollout.modality}"


def _current(ledger: Ledger) -> Ledger:
    if not ledger.is_ready():
        raise VisceraError("The tables of the ledger are of an earlier version; start the services first.", "usage")
    return ledger


@contextmanager
def _open() -> Iterator[Ledger]:
    ledger = open_ledger(Settings().ledger_url)
    try:
        yield ledger
    finally:
        ledger.close()


def main() -> None:
    """Run one command; an error is one sentence, and the status 1."""
    parser = argparse.ArgumentParser(prog="python -P -m shared.operations.rollouts", description=__doc__)
    parser.add_argument("action", choices=("begin", "end", "list"))
    parser.add_argument("model", nargs="?", metavar="MODEL", help="NAME or NAME@VERSION")
    parser.add_argument("--share", type=int, metavar="N", help="percent of the jobs that name no model")
    args = parser.parse_args()
    if args.action == "begin" and (args.model is None or args.share is None):
        parser.error("begin needs MODEL and --share")
    try:
        with _open() as ledger:
            actions = {"begin": lambda: begin(ledger, args.model, args.share), "end": lambda: end(ledger)}
            lines = actions.get(args.action, lambda: every(ledger))()
    except VisceraError as error:
        sys.exit(f"{error.detail} ({error.code})")
    for line in lines:
        print(line)  # noqa: T201 - a command


if __name__ == "__main__":
    main()
