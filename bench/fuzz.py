"""Sends odd requests to every route of a real gateway process; an answer of 500 or more, or its end, is a failure.

    python -m bench.fuzz --seconds 60 --database sqlite --seed 1

It prints the requests and the statuses of each route and exits with 1 after a failure. `tests/services/api/test_odd.py`
is its short form: each odd text, header and body once, on both databases. The same seed sends the same requests.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pydicom

from services.api.app import create_app
from services.api.problems import api_routes
from services.local import free_port
from shared.imaging.phantoms import abdomen
from shared.ledger import api_keys, open_ledger
from shared.settings import Settings
from tests.support import contracts, odd
from tests.support.multipart import content_type, multipart
from tests.support.postgresql import programs, server
from tests.support.scans import small_grid, write_dicom, write_nifti

KEY = "vsk_fuzz"
AT_ONCE = 4
ROUNDS = 6
PATIENCE = 15.0
"""Seconds in which an answer must begin; a stream or a wait may be silent for longer, which is no failure."""


@dataclass
class Report:
    """Statuses by route (0: closed without an answer, -1: no answer in time), and the first failures."""

    statuses: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    failures: list[dict[str, Any]] = field(default_factory=list)
    failed: int = 0

    def add(self, request: odd.Request, status: int) -> None:
        """Count one answer."""
        self.statuses[f"{request.method} {request.route}"][status] += 1
        if status >= 500:
            self.failed += 1
            if len(self.failures) < 20:
                about = {"status": status, "method": request.method, "target": request.target}
                self.failures.append(about | {"headers": repr(request.headers), "body": repr(request.body[:300])})

    def text(self) -> str:
        """One line for each route, the totals, and the failures."""
        lines = [
            f"{sum(counts.values()):6} {route}  {json.dumps(dict(sorted(counts.items())))}"
            for route, counts in sorted(self.statuses.items())
        ]
        total = sum((counts for counts in self.statuses.values()), Counter[int]())
        lines.append(f"{total.total():6} requests on {len(self.statuses)} routes, {self.failed} of them answered 5xx")
        return "\n".join(lines + [json.dumps(failure) for failure in self.failures])


def send(port: int, request: odd.Request) -> int:
    """Send one request as it is and return the status; 0 if the connection was closed, -1 if nothing came in time."""
    names = {name.lower() for name, _ in request.headers}
    length = [] if b"content-length" in names or not request.body else [(b"Content-Length", b"%d" % len(request.body))]
    head = f"{request.method} {request.target} HTTP/1.1\r\n".encode("utf-8", "surrogatepass")
    head += b"".join(name + b": " + value + b"\r\n" for name, value in [*request.headers, *length])
    try:
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as line:
            line.sendall(head + b"Connection: close\r\n\r\n" + request.body)
            status = line.makefile("rb").readline(200)
    except TimeoutError:
        return -1
    except OSError:
        return 0
    return int(status.split()[1]) if status.startswith(b"HTTP/1.1 ") else 0


@dataclass(frozen=True)
class Target:
    """The gateway's port, a key and ids that it knows, by the names of parameters, and a DICOM instance."""

    port: int
    known: Mapping[str, str] = field(default_factory=lambda: {"key": KEY})
    file: bytes = b"\0"


def run(renewed: Callable[[], Target], routes: Sequence[tuple[str, Any]], rng: random.Random, seconds: float) -> Report:
    """Send requests to all routes, each round in another order, for this long.

    Every `ROUNDS` rounds things are deleted too, and `renewed` makes new ones in the gateway.
    """
    report, until, target = Report(), time.monotonic() + seconds, renewed()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for number in itertools.count():
            if time.monotonic() > until:
                break
            if number and number % ROUNDS == 0:
                target = renewed()
            is_last = number % ROUNDS == ROUNDS - 1
            order = [pair for pair in rng.sample(routes, len(routes)) if is_last or pair[0] != "DELETE"]
            requests = [odd.random_request(rng, *pair, target.known, target.file) for pair in order]
            for request, status in zip(requests, pool.map(partial(send, target.port), requests), strict=True):
                report.add(request, status)
    return report


@contextmanager
def gateway(folder: Path, ledger_url: str) -> Iterator[tuple[int, subprocess.Popen[bytes], Settings]]:
    """Yield the port of a gateway process, the process, and its settings; nobody listens on its broker's port."""
    settings = Settings(
        ledger_url=ledger_url, store_url=f"file://{folder / 'store'}", broker_url="redis://127.0.0.1:1/0",
        spool=folder / "spool", requests_per_minute=0, public_url="https://viscera.example", loopback=True,
    )  # fmt: skip
    ledger = open_ledger(ledger_url)
    ledger.migrate()
    with ledger.write() as connection:
        api_keys.add_key(connection, KEY, "default")
    ledger.close()
    names = ("ledger_url", "store_url", "broker_url", "spool", "requests_per_minute", "public_url", "loopback")
    environment = os.environ | {f"VISCERA_{name.upper()}": str(getattr(settings, name)) for name in names}
    port = free_port()
    command = [sys.executable, "-P", "-m", "services.api", "--port", str(port)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
        try:
            _wait(port)
            yield port, process, settings
        finally:
            process.kill()
            process.wait()


def _wait(port: int) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            httpx.get(f"http://127.0.0.1:{port}/livez")
            return
        except httpx.TransportError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def fill(port: int, folder: Path) -> Target:
    """Send a scan, a job, parts, a study and a workitem."""
    scan = write_nifti(folder / "scan.nii.gz", abdomen(small_grid()).volume).read_bytes()
    slices = write_dicom(folder / "series", abdomen(small_grid(shape=(3, 20, 24))).volume)
    files = [path.read_bytes() for path in sorted(slices.iterdir())]
    headers = {"Authorization": f"Bearer {KEY}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60.0) as client:
        job = client.post("/v1/jobs", content=scan).json()["id"]
        stored = client.post("/v1/scans", content=scan).json()["id"]
        upload = client.post("/v1/scans?upload=direct", json={"bytes": len(scan)}).json()["upload"]
        client.post("/dicom-web/studies", content=multipart(files), headers={"Content-Type": content_type()})
        client.post("/dicom-web/workitems?1.2.3", content=json.dumps(odd.VALID))
        uid = pydicom.dcmread(io.BytesIO(files[0])).SOPInstanceUID
        instance = client.get(f"/dicom-web/instances?SOPInstanceUID={uid}").json()[0]
    uids = [instance[tag]["Value"][0] for tag in ("0020000D", "0020000E", "00080018")]
    known = {"key": KEY, "job_id": job, "upload_id": upload, "scan": stored, "workitem": "1.2.3", "name": "report.json"}
    return Target(port, known | dict(zip(("study", "series", "instance"), uids, strict=True)), files[0])


def main() -> int:
    """Run the fuzzer, print its report and return the exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="viscera-fuzz-")))
        ledger_url = f"sqlite:///{folder / 'ledger.db'}"
        if arguments.database == "postgresql":
            found = programs()
            if found is None:
                parser.error("PostgreSQL's server is not installed")
            ledger_url = contracts.create_database(stack.enter_context(server(found)))
        port, process, settings = stack.enter_context(gateway(folder, ledger_url))
        routes = [pair for pair in odd.methods(api_routes(create_app(settings).routes)) if pair[1].path != "/readyz"]
        report = run(lambda: fill(port, folder), routes, random.Random(arguments.seed), arguments.seconds)
        alive = process.poll() is None
        log = (folder / "log").read_text(errors="replace")
    print(report.text())
    traces = [line for line in log.splitlines() if '"exception"' in line or "Traceback" in line]
    for line in traces[:10]:
        print(line[-3000:])
    print(
        {"database": arguments.database, "seed": arguments.seed, "seconds": arguments.seconds, "gateway alive": alive}
    )
    return int(report.failed > 0 or not alive)


if __name__ == "__main__":
    sys.exit(main())
