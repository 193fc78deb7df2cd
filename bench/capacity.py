"""What one scan costs: CPU seconds, time and largest memory of every process of the system, and bytes stored.

    python -m bench.capacity SCAN... [--repeat 3] [--studies 1000] [--peak 0.15]

A scan is a path, or `phantom:SLICES,ROWS` for one made by formula, 320 mm wide and deep, 192 mm high.
Runs the embedded system, sends each scan once to warm it up and then `repeat` times, one after the other. CPU seconds
are those that the kernel counts for a service's processes, decoders that have ended included; memory is the largest
sum of their resident sets, looked at every 20 ms, which counts shared pages more than once. Then, what it takes to do
so many studies a day by workers of one core each, if the busiest hour holds the share `peak` of them and a worker is
busy for 70 % of that hour.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import tempfile
import threading
from collections import defaultdict
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import psutil
from scipy.ndimage import zoom

from services.local import LocalSystem
from shared.imaging.geometry import Geometry
from shared.imaging.phantoms import abdomen
from shared.imaging.volume import Volume
from shared.ledger.jobs import STAGES
from tests.support.scans import write_nifti
from viscera_client import Client

SERVICES = (*STAGES, "gateway", "reconciler")
BUSY = 0.7


@dataclass(frozen=True, slots=True)
class Cost:
    """What a service spends on one scan: medians of the CPU seconds and the wall time, and the largest memory."""

    cpu_seconds: float
    seconds: float
    peak_bytes: int


class Watch(threading.Thread):
    """Notes each service's largest memory until it is stopped."""

    def __init__(self, system: LocalSystem) -> None:
        super().__init__(daemon=True)
        self.processes = {child.name: psutil.Process(child.process.pid) for child in system.children if child.process}
        self.peaks: dict[str, int] = defaultdict(int)
        self.done = threading.Event()

    def run(self) -> None:
        while not self.done.wait(0.02):
            for name in SERVICES:
                self.peaks[name] = max(self.peaks[name], self.memory(name))

    def memory(self, name: str) -> int:
        total = 0
        for process in self.family(name):
            with suppress(psutil.Error):
                total += process.memory_info().rss
        return total

    def cpu(self, name: str) -> float:
        """CPU seconds so far, of ended children too."""
        total = 0.0
        for process in self.family(name):
            with suppress(psutil.Error):
                total += sum(process.cpu_times()[:4])
        return total

    def family(self, name: str) -> list[psutil.Process]:
        main = self.processes[name]
        return [main, *main.children(recursive=True)]


def measure(system: LocalSystem, client: Client, scan: Path, repeat: int) -> tuple[dict[str, Cost], int, int]:
    """Costs by service, bytes that the store grew by for one scan, and how many of them are the scan's own."""
    client.wait(client.submit(scan).id)
    watch, times = Watch(system), defaultdict(list)
    cpu: dict[str, list[float]] = defaultdict(list)
    watch.start()
    grown = []
    for _ in range(repeat):
        before, held = {name: watch.cpu(name) for name in SERVICES}, stored(system.data / "store")
        job = client.wait(client.submit(scan).id)
        assert job.state == "succeeded", job
        for name in SERVICES:
            cpu[name].append(watch.cpu(name) - before[name])
        for stage in job.stages:
            assert stage.started
            assert stage.ended
            times[stage.name].append((stage.ended - stage.started).total_seconds())
        grown.append(stored(system.data / "store") - held)
    watch.done.set()
    watch.join()
    originals = [path.stat().st_size for path in (system.data / "store" / "scans").rglob("original")]
    costs = {
        name: Cost(statistics.median(cpu[name]), statistics.median(times[name] or [0.0]), watch.peaks[name])
        for name in SERVICES
    }
    return costs, int(statistics.median(grown)), originals[-1]


def stored(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def made(name: str, folder: Path) -> Path:
    """The scan that a word on the command line means."""
    if not name.startswith("phantom:"):
        return Path(name)
    slices, rows = (int(word) for word in name.removeprefix("phantom:").split(","))
    coarse = abdomen().volume
    scale = np.array([slices, rows, rows]) / coarse.geometry.shape
    affine = coarse.geometry.affine @ np.diag([*(1.0 / scale[::-1]), 1.0])
    data = zoom(coarse.data, scale, order=1)
    return write_nifti(folder / "phantom.nii.gz", Volume(data, Geometry(data.shape, affine), "MR", "nifti"))


def plan(costs: dict[str, Cost], size: int, studies: int, peak: float) -> dict[str, float]:
    """Workers by stage in the busiest hour, cores on average over the day, and GiB stored a day."""
    rate = studies * peak / 3600.0
    workers = {stage: float(max(1, math.ceil(rate * costs[stage].cpu_seconds / BUSY))) for stage in STAGES}
    cores = studies * sum(cost.cpu_seconds for cost in costs.values()) / 86400.0
    return workers | {"cores": cores, "gib_a_day": studies * size / 2**30}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scans", nargs="+", metavar="SCAN")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--peak", type=float, default=0.15)
    given = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for scan in given.scans:
        # A system of its own for each, as a worker's memory never shrinks below what an earlier scan needed.
        with tempfile.TemporaryDirectory(prefix="viscera-capacity-") as folder, LocalSystem(Path(folder)) as system:
            system.wait_ready()
            with Client(system.url, system.key) as client:
                costs, size, original = measure(system, client, made(scan, Path(folder)), given.repeat)
        print(f"\n{scan}: {size / 2**20:.1f} MiB stored, {original / 2**20:.1f} of them the scan")
        for name, cost in costs.items():
            print(
                f"  {name:<11} {cost.cpu_seconds:7.2f} CPU s {cost.seconds:7.2f} s {cost.peak_bytes / 2**20:7.0f} MiB"
            )
        print("  " + json.dumps(plan(costs, size, given.studies, given.peak)))
        print("  " + json.dumps({name: asdict(cost) for name, cost in costs.items()}))


if __name__ == "__main__":
    main()
