"""The two inference stages beside the published cascade's shape and beside eager torch, in one run.

    ./viscera train bench            (the training environment has torch and transformers)

The published cascade (ResNet50 gate, SegFormer-B4, both at 288 x 288) has random weights here: its speed does not
depend on them. All sides get the same 144 slices and segment the same gated slices. Ours are timed from the scan to
the label map, normalising and resampling included; the cascade's inputs are ready-made.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from services.classifier.core import classify
from services.segmenter.core import segment
from shared.geometry import Geometry
from shared.model import Network, load_network
from shared.phantoms import abdomen
from shared.preprocess import open_feed
from shared.volume import SliceScores, Volume
from training.cards import network_of
from training.networks import build

SERVICES = Path(__file__).parents[1] / "services"


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """The scan that all sides process, and which of its slices are segmented."""

    volume: Volume
    keep: np.ndarray

    @property
    def slices(self) -> int:
        return len(self.keep)


def scan(slices: int, kept: int) -> Work:
    """A phantom on the grid of a UW-Madison scan: 266 x 266 at 1.5 mm, 3 mm slices."""
    affine = np.diag([1.5, 1.5, -3.0, 1.0])
    affine[:3, 3] = [-199.0, -199.0, 1.5 * slices]
    volume = abdomen(Geometry((slices, 266, 266), affine)).volume
    keep = np.zeros(slices, dtype=bool)
    keep[(slices - kept) // 2 : (slices - kept) // 2 + kept] = True
    return Work(volume, keep)


def ours(work: Work, gate: Network, segmenter: Network) -> None:
    """Both stages as they are served."""
    scores = classify(work.volume, gate)
    segment(work.volume, SliceScores(scores.scores, work.keep), segmenter)


def ours_in_torch(work: Work, gate: nn.Module, segmenter: nn.Module, wants: Network) -> None:
    """Our own networks in eager torch, with the same preprocessing."""
    feed = open_feed(work.volume.data, work.volume.geometry.spacing, "MR", wants.card.input)
    for network, chosen in ((gate, np.arange(work.slices)), (segmenter, np.flatnonzero(work.keep))):
        for _, stacks in feed.batches(chosen, 8):
            network(torch.from_numpy(stacks).float() / 255.0)


def published() -> tuple[nn.Module, nn.Module]:
    """The published cascade's shape with random weights."""
    from transformers import ResNetConfig, ResNetForImageClassification

    from training.networks import SegFormer

    return ResNetForImageClassification(ResNetConfig(num_labels=2)).eval(), SegFormer(size="b4").eval()


def cascade(work: Work, gate: nn.Module, segmenter: nn.Module) -> None:
    """The published cascade, eight slices at a time."""
    for network, count in ((gate, work.slices), (segmenter, int(work.keep.sum()))):
        for start in range(0, count, 8):
            network(torch.rand(min(8, count - start), 3, 288, 288))


def seconds(call: Callable[[], object], repeats: int) -> float:
    """The shortest of some runs."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return min(times)


def commit() -> str:
    """The commit that was measured."""
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


@torch.inference_mode()
def measure(work: Work, threads: int, repeats: int, int8: Path | None) -> dict[str, float]:
    """Slices per second of every side, with `threads` processor threads."""
    torch.set_num_threads(threads)
    gate, segmenter = (load_network(SERVICES / name, threads=threads) for name in ("classifier", "segmenter"))
    same = [build(network_of(each.card.name)).eval() for each in (gate, segmenter)]
    sides: dict[str, Callable[[], object]] = {
        "ours, ONNX Runtime fp32": lambda: ours(work, gate, segmenter),
        "our networks, eager torch": lambda: ours_in_torch(work, *same, segmenter),
    }
    if int8 is not None:
        small = load_network(int8, threads=threads)
        sides["ours, ONNX Runtime int8 segmenter"] = lambda: ours(work, gate, small)
    big = published()
    sides["ResNet50 + SegFormer-B4, eager torch"] = lambda: cascade(work, *big)
    rates = {}
    for name, call in sides.items():
        rates[name] = work.slices / seconds(call, 1 if "B4" in name else repeats)
        print(f"{threads} threads  {name:40s} {rates[name]:8.1f} slices/s", flush=True)
    return rates


def main(arguments: list[str] | None = None) -> None:
    """Measure with one and two threads and keep the figures with the machine and the commit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slices", type=int, default=144)
    parser.add_argument("--kept", type=int, default=72)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--int8", type=Path, help="model folder of an int8 segmenter")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "stages.json")
    chosen = parser.parse_args(arguments)
    work = scan(chosen.slices, chosen.kept)
    machine = platform.processor() or platform.machine()
    facts = {"machine": machine, "load": os.getloadavg()[0], "commit": commit(), "torch": torch.__version__}
    rates: dict[str, dict[str, float]] = {}
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    for threads in chosen.threads:
        rates[str(threads)] = measure(work, threads, chosen.repeats, chosen.int8)
        result = facts | {"slices": chosen.slices, "kept": chosen.kept, "rates": rates}
        chosen.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
