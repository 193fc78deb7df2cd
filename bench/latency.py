"""What a user waits for: seconds from the first byte sent to each file received, beside the network's own time.

    python -m bench.latency --data DIR [--scan uwm/case139_day0/scans] [--repeats 5] [--at-once 8] [--against COMMIT]
        [--out bench/results/latency.json]

Runs the real system, as `serve` does, and sends one scan as zip: first one job after another, then several at once.
The floor is the shipped segmenter alone on the slices that the system's classifier keeps, with all cores, in this
process. With `--against`, the code of another commit is measured in the same run, one job of each in turn.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnxruntime as ort
import psutil

from services.classifier.core import classify
from services.segmenter.core import segment
from shared.imaging.formats import read_scan
from shared.models.batches import outputs
from shared.models.network import Network, load_network
from shared.models.runtimes import processor
from viscera_client import Client, packed

ROOT = Path(__file__).parents[1]
FILES = ("thumbnail.png", "model.glb?compression=meshopt", "model.stl", "model.obj.zip", "model.3mf",
         "model.glb?lod=true")  # fmt: skip
SERVICES = ("classifier", "segmenter", "mesher", "reconciler", "api")
Seconds = dict[str, float]


@dataclass(slots=True)
class System:
    """A running system of one commit, its times of every job, and its processes."""

    name: str
    client: Client
    ready: float
    process: psutil.Process
    jobs: list[Seconds] = field(default_factory=list)
    peaks: dict[str, int] = field(default_factory=dict)

    def processes(self) -> Iterator[tuple[str, psutil.Process]]:
        """Yield the name of the service and every process of the system."""
        for process in [self.process, *self.process.children(recursive=True)]:
            with suppress(psutil.Error):
                words = " ".join(process.cmdline())
                yield next((name for name in SERVICES if f"services.{name}" in words), "other"), process

    def cpu(self) -> float:
        """Return the processor seconds of all processes so far, of children that have ended too."""
        total = 0.0
        for _, process in self.processes():
            with suppress(psutil.Error):
                total += sum(process.cpu_times()[:4])
        return total

    def note_memory(self) -> None:
        """Keep the largest resident memory of each service."""
        now: dict[str, int] = {}
        for name, process in self.processes():
            with suppress(psutil.Error):
                now[name] = now.get(name, 0) + process.memory_info().rss
        self.peaks = {name: max(size, self.peaks.get(name, 0)) for name, size in (self.peaks | now).items()}


@contextmanager
def running(name: str, code: Path, data: Path) -> Iterator[System]:
    """Run the system of the code in a folder."""
    command = [sys.executable, "-P", str(ROOT / "bench" / "latency_system.py"), str(data)]
    environment = os.environ | {"PYTHONPATH": str(code)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        with Client(ready["url"], ready["key"]) as client:
            yield System(name, client, ready["seconds"], psutil.Process(process.pid))


@contextmanager
def checkout(commit: str, folder: Path) -> Iterator[Path]:
    """Yield the code of a commit."""
    git = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*git, "add", "--detach", "--quiet", str(folder), commit], check=True)
    try:
        yield folder
    finally:
        subprocess.run([*git, "remove", "--force", str(folder)], check=True)


def one_job(system: System, scan: Path, folder: Path) -> Seconds:
    """Send the scan and download everything; return the seconds from the first byte sent."""
    clock, started, before = time.time(), time.monotonic(), system.cpu()

    def since() -> float:
        return time.monotonic() - started

    job = system.client.submit(scan)
    seconds = {"202": since()}
    job = system.client.wait(job.id)
    system.client.download(job.id, "model.glb", folder / "model.glb")
    seconds["model.glb"] = since()
    seconds |= {stage.name: stage.ended.timestamp() - clock for stage in job.stages if stage.ended}
    seconds["cpu"] = system.cpu() - before
    system.note_memory()
    for name in FILES:
        requested = time.monotonic()
        system.client.download(job.id, name, folder / "file")
        seconds[name] = time.monotonic() - requested
    seconds["last file"] = since()
    return seconds


def at_once(system: System, scan: Path, count: int, folder: Path) -> float:
    """Return the seconds from the first byte of the first job to the last `model.glb`."""

    def job(number: int) -> None:
        ended = system.client.wait(system.client.submit(scan).id)
        system.client.download(ended.id, "model.glb", folder / f"{number}.glb")

    started = time.monotonic()
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(job, range(count)))
    return time.monotonic() - started


class Recorder:
    """A network that keeps its inputs."""

    def __init__(self, network: Network) -> None:
        self.network, self.card, self.at_once = network, network.card, network.at_once
        self.inputs: list[Any] = []

    def __call__(self, stacks: Any) -> Any:
        """Run the network and keep its input."""
        self.inputs.append(stacks)
        return self.network(stacks)


def floor(scan: Path, repeats: int) -> tuple[float, float]:
    """Return the shortest time of the segmenter's network alone on one scan, and its processor seconds.

    Two ways to use all cores are measured: one batch after another with threads in every layer, and as it is served.
    """
    volume = read_scan(scan)
    classifier = load_network(ROOT / "services" / "classifier", "cpu", 1)
    network = load_network(ROOT / "services" / "segmenter", "cpu", os.cpu_count() or 1)
    recorder = Recorder(network)
    segment(volume, classify(volume, classifier), cast(Network, recorder))
    batches = [(np.arange(len(stacks)), stacks) for stacks in recorder.inputs]
    session = ort.InferenceSession(ROOT / "services" / "segmenter" / "model.onnx", providers=["CPUExecutionProvider"])
    ways: list[Callable[[], object]] = [
        lambda: [session.run(None, {session.get_inputs()[0].name: stacks}) for _, stacks in batches],
        lambda: list(outputs(network, batches)),
    ]
    times = []
    for _ in range(repeats):
        for way in ways:
            started, cpu = time.perf_counter(), time.process_time()
            way()
            times.append((time.perf_counter() - started, time.process_time() - cpu))
    return min(times)


def medians(jobs: list[Seconds]) -> Seconds:
    """Return the median of every time."""
    return {name: round(statistics.median(job[name] for job in jobs), 3) for name in jobs[0]}


def main() -> None:
    """Measure, print a table and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--scan", default="uwm/case139_day0/scans")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--against", metavar="COMMIT")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="viscera-latency-")))
        zipped = stack.enter_context(packed(args.data / args.scan))
        codes = {"now": ROOT}
        if args.against:
            codes[args.against] = stack.enter_context(checkout(args.against, folder / "code"))
        result: dict[str, Any] = {
            "load": os.getloadavg()[0],
            "processor": processor(),
            "cores": os.cpu_count(),
            "systems": {},
        }
        seconds, cpu = floor(args.data / args.scan, args.repeats)
        result["floor"] = {"seconds": round(seconds, 3), "cpu": round(cpu, 3)}
        systems = [stack.enter_context(running(name, code, folder / f"data-{name}")) for name, code in codes.items()]
        for _ in range(args.repeats + 1):  # the first job of each warms up
            for system in systems:
                system.jobs.append(one_job(system, zipped, folder))
        for system in systems:
            together = at_once(system, zipped, args.at_once, folder)
            result["systems"][system.name] = _summary(system, together, args.at_once, seconds, cpu)
    print(json.dumps(result, indent=1))
    if args.out:
        args.out.write_text(json.dumps(result, indent=1) + "\n")


def _summary(system: System, together: float, count: int, floor_seconds: float, floor_cpu: float) -> dict[str, Any]:
    times = medians(system.jobs[1:])
    return {
        "ready": round(system.ready, 2),
        "seconds": times,
        "beside the floor": round(times["model.glb"] - floor_seconds, 3),
        "cpu beside the network": round(times["cpu"] - floor_cpu, 3),
        f"{count} at once": round(together, 2),
        "throughput of the floor's": round(count * floor_seconds / together, 3),
        "peak MiB": {name: round(size / 2**20) for name, size in system.peaks.items()},
    }


if __name__ == "__main__":
    main()
