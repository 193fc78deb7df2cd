"""The gateway under load: a large upload beside a bare handler that does the same, and many clients that poll.

    python -m bench.api [--gib 1.0] [--repeats 3] [--clients 200] [--seconds 20]

Upload: the gateway and a Starlette handler that hashes, writes and flushes the same body take turns; each runs alone in
a process of its own under uvicorn. Memory is the resident set, sampled while the body comes in, above what it was
before. Polling: the embedded system with jobs at work; every client asks for a job twice a second.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import httpx
import nibabel as nib
import numpy as np
import psutil
from starlette.types import Receive, Scope, Send

from services.local import LocalSystem, free_port
from shared.imaging.phantoms import abdomen
from shared.ledger import api_keys, open_ledger

KEY = "vsk_bench"


async def bare(scope: Scope, receive: Receive, send: Send) -> None:
    """The peer: hashes, writes and flushes the body, and answers its digest."""
    from fastapi.concurrency import run_in_threadpool
    from starlette.requests import Request
    from starlette.responses import JSONResponse

    if scope["type"] != "http":
        return
    digest, buffer = hashlib.sha256(), bytearray()

    def keep(file: IO[bytes], data: bytes) -> None:
        digest.update(data)
        file.write(data)

    file = await run_in_threadpool(tempfile.NamedTemporaryFile, dir=os.environ["BENCH_SPOOL"])
    with file:
        async for chunk in Request(scope, receive).stream():
            buffer += chunk
            if len(buffer) >= 1 << 20:
                await run_in_threadpool(keep, file, bytes(buffer))
                buffer.clear()
        await run_in_threadpool(keep, file, bytes(buffer))
        file.flush()
        await run_in_threadpool(os.fsync, file.fileno())
    await JSONResponse({"sha256": digest.hexdigest()}, 201)(scope, receive, send)


@contextmanager
def served(command: list[str], environment: dict[str, str], port: int) -> Iterator[psutil.Process]:
    """A server process that answers on the port."""
    process = subprocess.Popen(command, env=os.environ | environment)
    try:
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}/livez", timeout=2)
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def upload(url: str, path: Path, process: psutil.Process) -> tuple[float, float]:
    """Seconds for the upload, and MiB by which the server's resident memory grew at most."""
    before = process.memory_info().rss
    peak, stop = [before], threading.Event()

    def sample() -> None:
        while not stop.wait(0.02):
            peak.append(process.memory_info().rss)

    thread = threading.Thread(target=sample)
    thread.start()

    def body() -> Iterator[bytes]:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                yield chunk

    started = time.perf_counter()
    headers = {"Authorization": f"Bearer {KEY}", "Content-Length": str(path.stat().st_size)}
    answer = httpx.post(url, content=body(), headers=headers, timeout=600)
    seconds = time.perf_counter() - started
    stop.set()
    thread.join()
    assert answer.status_code == 201, answer.text
    return seconds, (max(peak) - before) / 2**20


def uploads(gib: float, repeats: int, folder: Path) -> dict[str, object]:
    """Both servers in turn with the same file."""
    slices = round(gib * 2**30 / (512 * 512 * 2))
    path = folder / "scan.nii"
    nib.save(nib.Nifti1Image(np.zeros((512, 512, slices), np.int16), np.eye(4)), path)
    for name in ("ours", "bare"):
        (folder / name).mkdir()
    ledger = open_ledger(f"sqlite:///{folder / 'ledger.db'}")
    ledger.migrate()
    with ledger.write() as connection:
        api_keys.add_key(connection, KEY, "default")
    ledger.close()
    ports = {"ours": free_port(), "bare": free_port()}
    commands = {
        "ours": [sys.executable, "-P", "-m", "services.api", "--port", str(ports["ours"])],
        "bare": [sys.executable, "-m", "uvicorn", "bench.api:bare", "--port", str(ports["bare"]), "--no-access-log"],
    }
    environment = {
        "VISCERA_LEDGER_URL": f"sqlite:///{folder / 'ledger.db'}", "VISCERA_STORE_URL": f"file://{folder / 'store'}",
        "VISCERA_SPOOL": str(folder / "ours"), "VISCERA_BROKER_URL": "redis://127.0.0.1:1/0",
        "BENCH_SPOOL": str(folder / "bare"), "VISCERA_LOG_LEVEL": "ERROR",
    }  # fmt: skip
    seconds: dict[str, list[float]] = {"ours": [], "bare": []}
    grown: dict[str, list[float]] = {"ours": [], "bare": []}
    for _ in range(repeats):
        for name, command in commands.items():
            with served(command, environment, ports[name]) as process:
                took, more = upload(f"http://127.0.0.1:{ports[name]}/v1/scans", path, process)
            seconds[name].append(took)
            grown[name].append(more)
    size = path.stat().st_size / 2**20
    rate = {name: size / statistics.median(times) for name, times in seconds.items()}
    return {
        "MiB": round(size), "MiB/s ours": round(rate["ours"]), "MiB/s bare": round(rate["bare"]),
        "ratio": round(rate["ours"] / rate["bare"], 2), "MiB grown ours": round(max(grown["ours"]), 1),
        "MiB grown bare": round(max(grown["bare"]), 1),
    }  # fmt: skip


async def poll(url: str, key: str, job_ids: list[str], clients: int, seconds: float) -> dict[str, object]:
    """Many clients ask for a job twice a second each."""
    times: list[float] = []
    errors = 0
    limits = httpx.Limits(max_connections=clients, max_keepalive_connections=clients)
    async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {key}"}, limits=limits) as http:

        async def client(number: int) -> None:
            nonlocal errors
            await asyncio.sleep(number / clients / 2)
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                started = time.perf_counter()
                try:
                    answer = await http.get(f"/v1/jobs/{job_ids[number % len(job_ids)]}", timeout=30)
                    errors += answer.status_code != 200
                except httpx.HTTPError:
                    errors += 1
                times.append(time.perf_counter() - started)
                await asyncio.sleep(max(0.0, 0.5 - times[-1]))

        await asyncio.gather(*(client(number) for number in range(clients)))
    ordered = sorted(times)
    spread = {f"p{p} ms": round(ordered[int(len(ordered) * p / 100)] * 1000) for p in (50, 95, 99)}
    return {"clients": clients, "requests": len(times), "errors": errors, **spread}


def polling(clients: int, seconds: float, folder: Path) -> dict[str, object]:
    """The embedded system with a job after the other at work while the clients ask."""
    os.environ["VISCERA_REQUESTS_PER_MINUTE"] = "0"
    volume = abdomen().volume
    scan = folder / "phantom.nii.gz"
    nib.save(nib.Nifti1Image(volume.data.T, volume.geometry.ras), scan)
    with LocalSystem(folder / "system") as system:
        system.wait_ready()
        headers = {"Authorization": f"Bearer {system.key}"}
        ids = [
            httpx.post(f"{system.url}/v1/jobs", content=scan.read_bytes(), headers=headers, timeout=60).json()["id"]
            for _ in range(8)
        ]
        found = asyncio.run(poll(system.url, system.key, ids, clients, seconds))
        listed = httpx.get(f"{system.url}/v1/jobs", headers=headers, timeout=60).json()["items"]
        return {**found, "jobs ended meanwhile": sum(job["state"] == "succeeded" for job in listed)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gib", type=float, default=1.0)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=20.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        print(json.dumps({"upload": uploads(given.gib, given.repeats, Path(folder))}))
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        print(json.dumps({"polling": polling(given.clients, given.seconds, Path(folder))}))


if __name__ == "__main__":
    main()
