"""Jobs through real processes while they are killed and the queue is emptied; at the end, what became of the jobs.

    python -m bench.soak [--jobs 2000] [--kill 2,5] [--flush 60] [--workers 3] [--seed 0] [--out FILE.json]
    python -m bench.soak --control [the same]     a plain Celery `chain` with acks_late on the same work: must lose jobs
    python -m bench.soak --poison 10 --jobs 400   no strikes; of the second half, so many kill their worker each time
    python -m bench.soak --whole --jobs 100       the services' own stages and models

Ledger: PostgreSQL where it is installed, else SQLite; queue: Valkey; store: local files; gateway, reconciler and
workers are the real ones. Exits 1 if a bound is broken (`bench/soak_report.py`), or if the control lost nothing: then
the strikes prove nothing.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import func, select

from bench import soak_control, soak_report
from bench.soak_control import Control
from bench.soak_stages import POISON
from bench.soak_system import SoakSystem, Strikes, leases_of
from shared.imaging.phantoms import abdomen
from shared.ledger import Ledger, open_ledger
from shared.ledger.jobs import OPEN
from shared.ledger.tables import jobs
from tests.support import contracts, postgresql
from tests.support.scans import small_grid, write_nifti
from viscera_client import Client, ServiceError
from viscera_client.models import Quality

Report = soak_report.Report


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--kill", default="2,5", help="seconds between kills: least,most")
    parser.add_argument("--flush", type=float, default=60.0, help="seconds between two FLUSHALL")
    parser.add_argument("--workers", type=int, default=3, help="of each stage")
    parser.add_argument("--gateways", type=int, default=1, help="jobs go to them in turn")
    parser.add_argument("--pause", type=float, default=0.5, help="seconds that each small stage lasts beside its work")
    parser.add_argument("--open", type=int, default=24, help="jobs that are sent before others have ended")
    parser.add_argument("--seconds", type=float, default=600.0, help="after the last job was sent, to end in")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--poison", type=int, default=0)
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--control", action="store_true")
    parser.add_argument("--out", type=Path)
    return parser.parse_args(given)


def main() -> None:
    given = arguments()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # a worker would compile every module again at each start
    os.environ["SOAK_PAUSE"] = str(given.pause)
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="viscera-soak-") as folder, environment():
        report = run(given, Path(folder))
    report |= {
        "command": " ".join(["python -m bench.soak", *sys.argv[1:]]),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "load": {"before": round(before, 2), "after": round(os.getloadavg()[1], 2)},
    }
    print(json.dumps(report, indent=2))
    if given.out:
        given.out.write_text(json.dumps(report, indent=2) + "\n")
    sys.exit(1 if report["broken"] else 0)


@contextmanager
def environment() -> Iterator[None]:
    """Settings of the system under test: its ledger in a fresh PostgreSQL where there is one."""
    with ExitStack() as stack:
        if found := postgresql.programs():
            server = stack.enter_context(postgresql.server(found))
            os.environ["VISCERA_LEDGER_URL"] = contracts.create_database(server)
        os.environ |= {"VISCERA_THREADS": "1", "VISCERA_REQUESTS_PER_MINUTE": "0", "VISCERA_LOG_LEVEL": "WARNING"}
        yield


def run(given: argparse.Namespace, folder: Path) -> Report:
    """The report of the soak or its control."""
    data, low_high = folder / "data", tuple(float(part) for part in given.kill.split(","))
    scan = write_nifti(folder / "scan.nii.gz", abdomen(small_grid()).volume)
    system: Control | SoakSystem = (
        Control(data, calm=0.5, workers=given.workers)
        if given.control
        else SoakSystem(data, calm=0.5, workers=given.workers, whole=given.whole, gateways=given.gateways)
    )
    with system:
        workers = [child for child in system.children if "-" in child.name]
        others = [child for child in system.children if child.name.startswith(("gateway", "reconciler"))]
        broker = workers[0].environment["VISCERA_BROKER_URL"]
        strikes = Strikes(workers, others, broker, low_high, given.flush, random.Random(given.seed))
        if isinstance(system, Control):
            (system.data / "scan.nii.gz").write_bytes(scan.read_bytes())
            report = soak_control.soak(system, strikes, given.jobs, given.seconds, given.open)
            report["broken"] = [] if report["lost"] else ["the control loses jobs"]
        else:
            report = soak(system, strikes, scan, given)
    kills = strikes.kills
    struck = {"kills": len(kills), "whole": sum(kill.whole for kill in kills)}
    return report | struck | {"at_work": sum(bool(kill.held) for kill in kills), "flushes": strikes.flushes}


def soak(system: SoakSystem, strikes: Strikes, scan: Path, given: argparse.Namespace) -> Report:
    """Sends the jobs, strikes until all have ended or the time is over, and counts."""
    system.wait_ready()
    ledger = open_ledger(strikes.workers[0].environment["VISCERA_LEDGER_URL"])
    strikes.held_by = leases_of(ledger)
    poison = set(random.Random(given.seed).sample(range(given.jobs // 2, given.jobs), given.poison))
    started = time.monotonic()
    with ExitStack() as stack:
        clients = [stack.enter_context(Client(url, system.key, patience=0.0)) for url in system.urls]
        scan_id = clients[0].upload(scan).id
        if not given.poison:
            stack.enter_context(strikes.going_on())
        sent = []
        for number in range(given.jobs):
            while _open(ledger) >= given.open:
                time.sleep(0.1)
            sent.append(_send(clients, scan_id, number, POISON if number in poison else "light"))
        until = time.monotonic() + given.seconds
        while _open(ledger) and time.monotonic() < until:
            time.sleep(0.5)
        took = time.monotonic() - started
    report = soak_report.count(ledger, sent) | {"seconds": round(took, 1)}
    report |= {"recovery": soak_report.recovery(ledger, strikes.kills), "job_seconds": soak_report.waits(ledger, sent)}
    if given.poison:
        half = given.jobs // 2
        good = [job for number, job in enumerate(sent) if number >= half and number not in poison]
        report |= {"undisturbed": soak_report.waits(ledger, sent[:half])}
        report |= {"neighbours": soak_report.waits(ledger, good), "poison": given.poison}
    report["broken"] = soak_report.broken(report, given.poison)
    ledger.close()
    return report


def _send(clients: list[Client], scan_id: str, number: int, quality: Quality) -> str:
    """A job on the scan; asked again with the same key, of the next gateway, until one says 202."""
    for client in itertools.cycle(clients[number % len(clients) :] + clients[: number % len(clients)]):
        try:
            return client.start(scan_id, key=f"soak-{number}", quality=quality).id
        except ServiceError:
            time.sleep(0.2)
    raise AssertionError("there is a gateway")


def _open(ledger: Ledger) -> int:
    with ledger.read() as connection:
        query = select(func.count()).select_from(jobs).where(jobs.c.state.in_(OPEN))
        return int(connection.execute(query).scalar_one())


if __name__ == "__main__":
    main()
