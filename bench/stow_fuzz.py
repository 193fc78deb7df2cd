"""Sends mutated STOW-RS bodies to the gateway and counts how they were answered; no 5xx and no hang may be among them.

    .venv/bin/python -m bench.stow_fuzz --count 10000

The whole gateway runs in this process, and so does the decoder (a child for each of ten thousand bodies would take
hours); every hundredth body goes through the real sandbox.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from unittest import mock

from fastapi.testclient import TestClient

from services.api.app import create_app
from shared import sandbox
from shared.dicom import decoding
from shared.imaging.phantoms import abdomen
from shared.ledger import api_keys, open_ledger
from shared.settings import Settings
from tests.support.multipart import content_type, multipart, mutate
from tests.support.scans import small_grid, write_dicom


def here(name: str, *_: object, **given: object) -> dict[str, object]:
    """The sandbox's call, in this process and without its limits."""
    return getattr(decoding, name)(lambda _: None, **given)


def main() -> None:
    """Sends the bodies and prints the counts and the slowest answer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rng, statuses, slowest = random.Random(given.seed), Counter[int](), 0.0
    with tempfile.TemporaryDirectory(prefix="viscera-fuzz-") as name:
        folder = Path(name)
        settings = Settings(
            ledger_url=f"sqlite:///{folder / 'ledger.db'}", store_url=f"file://{folder / 'store'}",
            broker_url="redis://127.0.0.1:1/0", spool=folder / "spool", requests_per_minute=0,
        )  # fmt: skip
        ledger = open_ledger(settings.ledger_url)
        ledger.migrate()
        with ledger.write() as connection:
            api_keys.add_key(connection, "vsk_fuzz", "default")
        slices = write_dicom(folder / "series", abdomen(small_grid(shape=(3, 20, 24))).volume)
        body = multipart([path.read_bytes() for path in sorted(slices.iterdir())])
        headers = {"Authorization": "Bearer vsk_fuzz", "Content-Type": content_type()}
        with TestClient(create_app(settings), headers=headers, raise_server_exceptions=False) as client:
            for number in range(given.count):
                real = number % 100 == 0
                with mock.patch.object(sandbox, "call", sandbox.call if real else here):
                    started = time.monotonic()
                    status = client.post("/dicom-web/studies", content=mutate(rng, body)).status_code
                    slowest = max(slowest, time.monotonic() - started)
                statuses[status] += 1
                if status >= 500 or status not in (200, 202, 400, 409):
                    raise SystemExit(f"body {number} of seed {given.seed} was answered {status}")
    print({"bodies": given.count, "statuses": dict(sorted(statuses.items())), "slowest_seconds": round(slowest, 2)})


if __name__ == "__main__":
    main()
