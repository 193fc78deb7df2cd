"""Train the gate: `python -m training classifier`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from shared.imaging.input_spec import InputSpec
from training.answers import answer
from training.augment import Augment
from training.batches import Drawer, Group, group
from training.cases import UNKNOWN, Scan, as_scan, load_cases
from training.loop import Plan, fit
from training.losses import presence
from training.networks import build
from training.segmenter import kind_of, split

MEANINGFUL = 12
"""Fewest pixels of an organ that make a slice one that shows it, in training."""


@dataclass(frozen=True, slots=True)
class Config:
    """One training of the gate; slices without an organ are drawn about as often as those with one.

    `beyond` is the first slice of a scan without outlines that lies further from its middle than any outline does
    (docs/decisions/0022): the gate learns that from there on nothing is kept.
    """

    held_out: tuple[str, ...] = ("case101", "case110", "case119")
    shares: dict[str, float] = field(
        default_factory=lambda: {
            "slices": 0.28,
            "volume": 0.32,
            "unlabelled": 0.15,
            "pseudo": 0.1,
            "phantom": 0.15,
        }
    )
    beyond: dict[str, int] = field(default_factory=lambda: {"unk266": 91})
    empty: float = 1.2
    size: tuple[int, int] = (192, 256)
    batch: int = 16
    augment: Augment = field(default_factory=Augment)
    plan: Plan = field(default_factory=lambda: Plan(minutes=10.0, rate=3e-3))
    wants: InputSpec = field(default_factory=InputSpec)
    seed: int = 0


def cut(scan: Scan, beyond: dict[str, int]) -> Scan:
    """The scan with nothing on the slices that lie beyond all outlines."""
    first = next((index for name, index in beyond.items() if scan.case.name.endswith(name)), len(scan.labels))
    labels = scan.labels.copy()
    labels[first:] = 0
    return replace(scan, labels=labels)


def groups(scans: list[Scan], config: Config) -> list[Group]:
    """The groups that training draws from."""
    scans = [cut(scan, config.beyond) for scan in scans]
    kinds = config.shares.items()
    made = [group(name, share, [s for s in scans if kind_of(s) == name], config.empty) for name, share in kinds]
    return [one for one in made if one.share > 0]


def train(folder: Path, data: Path, config: Config) -> nn.Module:
    """Train on the prepared cases in `data`, keep checkpoints in `folder`, return the averaged network."""
    scans = [as_scan(case, config.wants) for case in load_cases(data)]
    learn, check = split(scans, config.held_out)
    torch.manual_seed(config.seed)
    draw = Drawer(groups(learn, config), config.size, config.batch, config.augment, config.seed)
    return fit(build("gate"), presence, draw, config.plan, folder=folder, look=lambda one: gate_figures(one, check))


def gate_figures(network: nn.Module, scans: list[Scan]) -> dict[str, float]:
    """Area under the ROC curve, and false positives where 99 % of the organ slices pass."""
    scored = [(float(score.max()), bool(shown)) for scan in scans for score, shown in _judged(network, scan)]
    values, truth = np.array([s for s, _ in scored]), np.array([t for _, t in scored], dtype=bool)
    if not truth.any():
        return {}
    threshold = threshold_for(values, truth, 0.99)
    wrong = float((values[~truth] >= threshold).mean()) if (~truth).any() else float("nan")
    return {"threshold": threshold, "false_positives": wrong, "lowest": float(values[truth].min())}


def threshold_for(scores: NDArray[np.float64], truth: NDArray[np.bool_], recall: float) -> float:
    """The highest threshold at which at least `recall` of the true slices pass (score >= threshold)."""
    ordered = np.sort(scores[truth])
    return float(ordered[int(np.floor((1.0 - recall) * len(ordered)))])


def _judged(network: nn.Module, scan: Scan) -> list[tuple[NDArray[np.float32], bool]]:
    return [
        (answer(network, scan, index).sigmoid().numpy(), bool(((labels > 0) & (labels < UNKNOWN)).any()))
        for index, labels in enumerate(scan.labels)
        if not (labels == UNKNOWN).all()
    ]
