"""`viscera doctor`: what is wrong with a running installation, and what to do about it."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from shared import sandbox
from shared.errors import VisceraError
from shared.ledger import Ledger, audit, open_ledger, status
from shared.ledger.jobs import STAGES
from shared.operations import backup
from shared.settings import Settings
from shared.storage.base import Store
from shared.storage.connect import open_store
from shared.worker.queue import make_app

WAIT = 120.0
"""Seconds that the first job in a queue may wait without a warning."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check: whether it passed, and a sentence."""

    well: bool
    text: str


def register(command: Callable[[str, Callable[[argparse.Namespace], None]], argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    sub = command("doctor", doctor)
    text = "data folder of `viscera serve` (default: the installation of the VISCERA_ settings)"
    sub.add_argument("--data", type=Path, metavar="DIR", help=text)
    sub.add_argument(
        "--files", action="store_true", help="also read every file that the ledger names, for example after a restore"
    )


def doctor(args: argparse.Namespace) -> None:
    """Check a running installation; exit 1 if anything is wrong."""
    settings = Settings() if args.data is None else _embedded(args.data)
    findings = list(examine(settings, broker=args.data is None, files=args.files))
    for finding in findings:
        print(f"{'ok   ' if finding.well else 'WRONG'}  {finding.text}")
    wrong = sum(not finding.well for finding in findings)
    if wrong:
        raise VisceraError(f"{wrong} of {len(findings)} checks failed.", "not_well")


def examine(settings: Settings, *, broker: bool = True, files: bool = False) -> Iterator[Finding]:
    """Check ledger, store, broker, workers, queues, leases, outboxes, disk, audit trail and the isolation of decoders;
    with `files` also every file.
    """
    ledger: Ledger | None = None
    try:
        ledger = open_ledger(settings.ledger_url)
        with ledger.read() as connection:
            gathered = status.gather(connection)
        yield Finding(True, "The ledger is available.")
        yield from _workers(gathered, settings)
        yield from _queues(gathered)
        yield from _trail(ledger)
        if files:
            yield from _files(ledger, settings)
    except Exception as error:
        reason = f"The ledger can't be read ({type(error).__name__}): is its address right, does the database run, "
        yield Finding(False, reason + "was `python -P -m shared.operations.migrate` run?")
    finally:
        if ledger is not None:
            ledger.close()
    yield _store(settings)
    if broker:
        yield _broker(settings)
    yield _disk(settings)
    yield _isolation()


def _workers(gathered: status.Status, settings: Settings) -> Iterator[Finding]:
    for stage in STAGES:
        providers = {provider: int(count) for (name, provider), count in gathered.workers.items() if name == stage}
        if not providers:
            hint = "start it, or read its log: a worker refuses to start when its model is not what its card says."
            yield Finding(False, f"No {stage} is alive: {hint}")
            continue
        providers_text = ", ".join(f"{count} on {provider}" for provider, count in sorted(providers.items()))
        wanted = {"cpu", "openvino"} if settings.provider == "auto" else {settings.provider}
        odd = set(providers) - wanted - {"none"}
        hint = f" Settings say {' or '.join(sorted(wanted))}." if odd else ""
        yield Finding(not odd, f"Live workers of the {stage}: {providers_text}.{hint}")


def _queues(gathered: status.Status) -> Iterator[Finding]:
    for stage in STAGES:
        waiting, oldest = int(gathered.waiting[stage,]), gathered.oldest[stage,]
        slow = waiting > 0 and oldest > WAIT
        hint = " More workers of this stage would help, or one of them hangs." if slow else ""
        yield Finding(not slow, f"{waiting} wait for the {stage}, the first for {oldest:.0f} s.{hint}")
    overdue = int(sum(gathered.overdue.values()))
    hint = ": is a reconciler running? It gives the work of lost workers to others." if overdue else "."
    yield Finding(not overdue, f"{overdue} leases expired and were not requeued{hint}")
    lost = int(gathered.events.get(("worker_lost",), 0))
    yield Finding(True, f"{lost} times a worker was lost, in the history of the stored jobs.")
    yield Finding(True, f"{gathered.webhooks_due} messages to webhooks are due.")


def _trail(ledger: Ledger) -> Iterator[Finding]:
    with ledger.read() as connection:
        for tenant in audit.audited(connection):
            try:
                count, _ = audit.verify(connection, tenant)
                yield Finding(True, f"The audit trail of {tenant} is intact ({count} records).")
            except audit.BrokenChain as error:
                yield Finding(False, error.detail)


def _files(ledger: Ledger, settings: Settings) -> Iterator[Finding]:
    count = 0
    for key in backup.damaged(ledger, open_store(settings.store_url)):
        count += 1
        yield Finding(False, f"{key} is missing or differs from the ledger: restore it from a backup of the store.")
    if not count:
        yield Finding(True, "Every file that the ledger names exists, with its SHA-256.")


def _store(settings: Settings) -> Finding:
    key = "doctor/probe/file"
    try:
        store: Store = open_store(settings.store_url)
        with tempfile.TemporaryDirectory(prefix="viscera-") as folder:
            probe = Path(folder) / "probe"
            probe.write_bytes(b"probe")
            store.put(key, probe)
        whole = b"".join(store.read(key)) == b"probe"
        store.delete("doctor/probe/")
    except Exception as error:
        return Finding(False, f"The file store can't be written and read ({type(error).__name__}).")
    return Finding(
        whole, "The file store keeps what it is given." if whole else "The file store gives other bytes back."
    )


def _broker(settings: Settings) -> Finding:
    try:
        with make_app(settings.broker_url, answer_within=2.0).connection_for_write(connect_timeout=2.0) as connection:
            connection.ensure_connection(max_retries=1, timeout=3)
    except Exception as error:
        hint = "jobs are accepted and wait until it is back."
        return Finding(False, f"The broker is not available ({type(error).__name__}); {hint}")
    return Finding(True, "The broker is available.")


def _disk(settings: Settings) -> Finding:
    folder = settings.spool if settings.spool.exists() else Path.cwd()
    free = shutil.disk_usage(folder).free
    enough = free >= settings.free_bytes
    hint = "" if enough else f"; below {settings.free_bytes / 2**30:.1f} GiB uploads are answered 503."
    return Finding(enough, f"{free / 2**30:.1f} GiB are free for uploads{hint or '.'}")


def _isolation() -> Finding:
    """Return what the kernel offers; less than all is no fault of the installation."""
    try:
        active = sandbox.mechanisms()
    except VisceraError as error:
        return Finding(False, f"The child that decodes scans does not start: {error.detail}")
    without = "none: the kernel offers neither Landlock nor seccomp filters; restrict the containers"
    return Finding(True, f"Decoder isolation: {', '.join(active) or without}.")


def _embedded(data: Path) -> Settings:
    if not (data / "ledger.db").exists():
        raise VisceraError(f"There is no ledger in {data}.", "no_ledger")
    folder = data.resolve()
    return Settings(
        ledger_url=f"sqlite:///{folder / 'ledger.db'}", store_url=f"file://{folder / 'store'}", spool=folder / "spool"
    )
