"""Train the segmenter: `python -m training segmenter`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from shared.imaging.input_spec import InputSpec
from training.answers import answer
from training.augment import Augment
from training.batches import Drawer, Group, group
from training.cases import UNKNOWN, Scan, as_scan, load_cases
from training.loop import Plan, fit
from training.losses import segmentation, taught
from training.networks import build, load_weights


@dataclass(frozen=True, slots=True)
class Config:
    """One training of the segmenter. Shares are parts of the examples drawn from each kind of case.

    `teacher` is the kind and the checkpoint of a network whose answers are learned as well.
    """

    kind: str = "unet"
    options: dict[str, Any] = field(default_factory=lambda: {"drop": 0.25})
    start: Path | None = None
    teacher: tuple[str, Path] | None = None
    held_out: tuple[str, ...] = ("case101", "case110", "case119")
    shares: dict[str, float] = field(
        default_factory=lambda: {
            "slices": 0.3,
            "volume": 0.14,
            "unlabelled": 0.02,
            "transplant": 0.36,
            "rendered": 0.08,
            "phantom": 0.03,
            "pseudo": 0.07,
        }
    )
    size: tuple[int, int] = (160, 224)
    batch: int = 4
    augment: Augment = field(default_factory=Augment)
    plan: Plan = field(default_factory=lambda: Plan(decay=0.05))
    wants: InputSpec = field(default_factory=InputSpec)
    seed: int = 0


def kind_of(scan: Scan) -> str:
    """The group a scan belongs to."""
    case = scan.case
    if case.name.startswith("phantom"):
        return "phantom"
    if case.name.startswith(("rendered", "pseudo", "transplant")):
        return case.name.split("_")[0].rstrip("0123456789")
    return "ct" if case.modality == "CT" else case.kind


def split(scans: list[Scan], held_out: tuple[str, ...]) -> tuple[list[Scan], list[Scan]]:
    """Scans to learn from and scans of the patients held out."""
    learn = [scan for scan in scans if scan.case.patient not in held_out]
    return learn, [scan for scan in scans if scan.case.patient in held_out and scan.case.outlined]


def beyond_outlines(scan: Scan) -> Scan:
    """The scan with unknown labels below its last outlined slice, where bowel goes on but was not outlined."""
    shown = np.flatnonzero(((scan.labels > 0) & (scan.labels < UNKNOWN)).any(axis=(1, 2)))
    if scan.case.kind != "volume" or not scan.case.name.startswith("case") or not shown.size:
        return scan
    labels = scan.labels.copy()
    labels[shown[-1] + 1 :] = UNKNOWN
    return replace(scan, labels=labels)


def groups(scans: list[Scan], shares: dict[str, float]) -> list[Group]:
    """The groups that training draws from."""
    made = [group(name, share, [s for s in scans if kind_of(s) == name]) for name, share in shares.items()]
    return [one for one in made if one.share > 0]


def train(folder: Path, data: Path, config: Config) -> nn.Module:
    """Train on the prepared cases in `data`, keep checkpoints in `folder`, return the averaged network."""
    scans = [as_scan(case, config.wants) for case in load_cases(data)]
    learn, check = split(scans, config.held_out)
    network = build(config.kind, **config.options)
    if config.start is not None:
        load_weights(network, config.start)
    torch.manual_seed(config.seed)
    draw = Drawer(
        groups([beyond_outlines(scan) for scan in learn], config.shares),
        config.size,
        config.batch,
        config.augment,
        config.seed,
    )
    loss = taught(_teacher(*config.teacher, config.plan.device)) if config.teacher else segmentation
    return fit(network, loss, draw, config.plan, folder=folder, look=lambda one: dice_on(one, check))


def _teacher(kind: str, checkpoint: Path, device: str) -> nn.Module:
    return load_weights(build(kind), checkpoint).requires_grad_(False).to(device)


def dice_on(network: nn.Module, scans: list[Scan]) -> dict[str, float]:
    """Dice per organ, pooled per patient over all slices that are labelled, then averaged over patients."""
    sums: dict[tuple[str, int], list[int]] = {}
    for scan in scans:
        for index in range(len(scan.image)):
            found = answer(network, scan, index).argmax(0).numpy()
            truth = scan.labels[index]
            for organ in (1, 2, 3):
                held = sums.setdefault((scan.case.patient, organ), [0, 0])
                held[0] += 2 * int(((found == organ) & (truth == organ)).sum())
                held[1] += int((found == organ).sum() + (truth == organ).sum())
    result = {}
    for organ, name in enumerate(("stomach", "small", "large"), start=1):
        each = [both / total for (_, o), (both, total) in sums.items() if o == organ and total]
        result[name] = float(np.mean(each)) if each else float("nan")
    result["mean"] = float(np.mean(list(result.values())))
    return result
