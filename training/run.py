"""One training run: reads the prepared cases, trains the network of a stage and measures it on held-out patients."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from training.classifier import classifier_figures, clear_beyond
from training.config import Config
from training.dataset.batches import BatchSampler, Group, group
from training.dataset.cases import Scan, as_scan, load_cases
from training.loop import fit
from training.losses import Loss, distillation_loss, segmentation_loss, slice_bce
from training.nets.networks import build, load_weights
from training.segmenter import ignore_below_outlines, segmenter_figures


def train(folder: Path, data: Path, config: Config) -> nn.Module:
    """Train on the prepared cases in `data`, keep checkpoints in `folder`, return the averaged network."""
    scans = [as_scan(case, config.spec) for case in load_cases(data)]
    learn, check = split(scans, config.held_out)
    torch.manual_seed(config.seed)
    network = build(config.network, **config.options)
    if config.start is not None:
        load_weights(network, config.start)
    sampler = BatchSampler(groups_of(learn, config), config.size, config.batch, config.augment, config.seed)
    figures = classifier_figures if config.stage == "classifier" else segmenter_figures
    return fit(
        network, _loss(config), sampler, config.schedule, folder=folder, evaluate=lambda net: figures(net, check)
    )


def split(scans: list[Scan], held_out: tuple[str, ...]) -> tuple[list[Scan], list[Scan]]:
    """Scans to learn from, and outlined scans of the held-out patients."""
    learn = [scan for scan in scans if scan.case.patient not in held_out]
    return learn, [scan for scan in scans if scan.case.patient in held_out and scan.case.outlined]


def groups_of(scans: list[Scan], config: Config) -> list[Group]:
    """The groups of scans from which training draws."""
    classifies = config.stage == "classifier"
    scans = [clear_beyond(scan, config.beyond) if classifies else ignore_below_outlines(scan) for scan in scans]
    groups = [
        group(name, share, [scan for scan in scans if kind_of(scan) == name], config.empty_weight)
        for name, share in config.shares.items()
    ]
    return [each for each in groups if each.share > 0]


def kind_of(scan: Scan) -> str:
    """The group of a scan: a prefix of its name, or its kind or modality."""
    case = scan.case
    if case.name.startswith("phantom"):
        return "phantom"
    if case.name.startswith(("rendered", "pseudo", "transplant")):
        return case.name.split("_")[0].rstrip("0123456789")
    return "ct" if case.modality == "CT" else case.kind


def _loss(config: Config) -> Loss:
    if config.stage == "classifier":
        return slice_bce
    if config.teacher is None:
        return segmentation_loss
    kind, checkpoint = config.teacher
    teacher = load_weights(build(kind), checkpoint).requires_grad_(False).to(config.schedule.device)
    return distillation_loss(teacher)
