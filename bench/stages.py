"""Speed of the two inference stages, compared with the published cascade's architecture and with eager torch.

    ./viscera train bench            (the training environment has torch and transformers)

The published cascade (ResNet50 classifier, SegFormer-B4, both at 288 x 288) has random weights: its speed does not
depend on them. All sides process the same 144 slices and segment the same 72 of them. Ours are timed from the scan to
the label map in both runtimes, including normalisation, resampling and post-processing; the cascade's inputs are ready.
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
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from services.classifier.core import classify
from services.segmenter.core import segment
from shared.imaging.geometry import Geometry
from shared.imaging.phantoms import abdomen
from shared.imaging.volume import SliceScores, Volume
from shared.models.card import ModelCard
from shared.models.network import Network, load_network
from training.export.cards import network_of
from training.nets.networks import ServingNetwork, build

SERVICES = Path(__file__).parents[1] / "services"


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """The scan that all sides process, and the slices (n,) to segment."""

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


def ours(work: Work, classifier: Network, segmenter: Network) -> None:
    """Run both stages as in serving."""
    scores = classify(work.volume, classifier)
    segment(work.volume, SliceScores(scores.scores, work.keep), segmenter)


@dataclass(frozen=True, slots=True, eq=False)
class InTorch:
    """One of our networks in eager torch, with the interface of `Network`."""

    card: ModelCard
    network: nn.Module

    def __call__(self, stacks: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run one batch."""
        output: NDArray[np.float32] = self.network(torch.from_numpy(np.ascontiguousarray(stacks))).numpy()
        return output


def in_torch(served: Network) -> Network:
    """The network of the same kind in eager torch, with random weights, which do not change its speed."""
    kind = build(network_of(served.card.name))
    return cast(Network, InTorch(served.card, ServingNetwork(kind, served.card.stage).eval()))


def published() -> tuple[nn.Module, nn.Module]:
    """The published cascade's two networks with random weights."""
    from transformers import ResNetConfig, ResNetForImageClassification

    from training.nets.networks import SegFormer

    return ResNetForImageClassification(ResNetConfig(num_labels=2)).eval(), SegFormer(size="b4").eval()


def cascade(work: Work, classifier: nn.Module, segmenter: nn.Module) -> None:
    """Run the published cascade, eight slices at a time."""
    for network, count in ((classifier, work.slices), (segmenter, int(work.keep.sum()))):
        for start in range(0, count, 8):
            network(torch.rand(min(8, count - start), 3, 288, 288))


def seconds(call: Callable[[], object], repeats: int) -> float:
    """The shortest duration of `repeats` runs."""
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
    classifier, segmenter = (load_network(SERVICES / name, threads=threads) for name in ("classifier", "segmenter"))
    same = in_torch(classifier), in_torch(segmenter)
    sides: dict[str, Callable[[], object]] = {
        "ours, ONNX Runtime fp32": lambda: ours(work, classifier, segmenter),
        "our networks, eager torch": lambda: ours(work, *same),
    }
    if int8 is not None:
        small = load_network(int8, threads=threads)
        sides["ours, ONNX Runtime int8 segmenter"] = lambda: ours(work, classifier, small)
    big = published()
    sides["ResNet50 + SegFormer-B4, eager torch"] = lambda: cascade(work, *big)
    rates = {}
    for name, call in sides.items():
        rates[name] = work.slices / seconds(call, 1 if "B4" in name else repeats)
        print(f"{threads} threads  {name:40s} {rates[name]:8.1f} slices/s", flush=True)
    return rates


def main(arguments: list[str] | None = None) -> None:
    """Measure with one and two threads; writes the figures with machine and commit."""
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
