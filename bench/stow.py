"""How much memory the gateway takes while a series of many gigabytes comes in by STOW-RS, in one request.

    .venv/bin/python -m bench.stow --gigabytes 2

Starts a gateway of its own on loopback, sends CT slices made by formula as one chunked multipart/related body, and
samples the resident memory of the gateway and of its decoder children.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import psutil
import pydicom
from pydicom.uid import generate_uid

from services.local import free_port
from shared.imaging.phantoms import abdomen
from shared.ledger import api_keys, open_ledger
from tests.support.scans import small_grid, write_dicom

KEY = "vsk_bench"
BOUNDARY = "bench"


def template(folder: Path) -> pydicom.Dataset:
    """One CT slice of 512 x 512, 16 bit: half a mebibyte."""
    path = next(write_dicom(folder, abdomen(small_grid(shape=(2, 8, 8))).volume, modality="CT").iterdir())
    data = pydicom.dcmread(path)
    data.Rows = data.Columns = 512
    data.PixelData = np.random.default_rng(1).integers(-1000, 1000, (512, 512)).astype(np.int16).tobytes()
    return data


def body(data: pydicom.Dataset, count: int) -> Iterator[bytes]:
    """The request, slice by slice."""
    for number in range(count):
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        data.InstanceNumber, data.ImagePositionPatient = number + 1, [0, 0, number]
        file = io.BytesIO()
        data.save_as(file)
        yield f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode() + file.getvalue() + b"\r\n"
    yield f"--{BOUNDARY}--\r\n".encode()


def watch(process: psutil.Process, peaks: dict[str, int], stop: threading.Event) -> None:
    """Keeps the highest resident sizes of the gateway and of all its children together."""
    while not stop.wait(0.05):
        try:
            peaks["gateway"] = max(peaks["gateway"], process.memory_info().rss)
            children = sum(child.memory_info().rss for child in process.children(recursive=True))
            peaks["decoders"] = max(peaks["decoders"], children)
        except psutil.Error:
            continue


def main() -> None:
    """Measures one upload and prints JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--gigabytes", type=float, default=2.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="viscera-bench-") as name:
        folder, port = Path(name), free_port()
        environment = os.environ | {
            "VISCERA_LEDGER_URL": f"sqlite:///{folder / 'ledger.db'}",
            "VISCERA_STORE_URL": f"file://{folder / 'store'}",
            "VISCERA_SPOOL": str(folder / "spool"), "VISCERA_BROKER_URL": "redis://127.0.0.1:1/0",
        }  # fmt: skip
        ledger = open_ledger(environment["VISCERA_LEDGER_URL"])
        ledger.migrate()
        with ledger.write() as connection:
            api_keys.add_key(connection, KEY, "default")
        command = [sys.executable, "-P", "-m", "services.api", "--port", str(port)]
        gateway = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        try:
            print(json.dumps(measure(f"http://127.0.0.1:{port}", gateway.pid, folder, given.gigabytes), indent=1))
        finally:
            gateway.terminate()
            gateway.wait(30)


def measure(url: str, pid: int, folder: Path, gigabytes: float) -> dict[str, float]:
    """One upload; sizes in MiB, seconds of wall clock."""
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {KEY}"}, timeout=1800.0) as client:
        for _ in range(200):
            try:
                client.get("/livez")
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        process, stop = psutil.Process(pid), threading.Event()
        peaks = {"before": process.memory_info().rss, "gateway": 0, "decoders": 0}
        threading.Thread(target=watch, args=(process, peaks, stop), daemon=True).start()
        count = round(gigabytes * 2**30 / (2 * 512 * 512))
        started = time.monotonic()
        kind = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
        content = body(template(folder / "template"), count)
        answer = client.post("/dicom-web/studies", content=content, headers={"Content-Type": kind})
        seconds = time.monotonic() - started
        stop.set()
    stored = len(answer.json()["00081199"]["Value"])
    told = {name: round(size / 2**20, 1) for name, size in peaks.items()}
    return {"status": answer.status_code, "instances": count, "stored": stored, "seconds": round(seconds, 1)} | told


if __name__ == "__main__":
    main()
