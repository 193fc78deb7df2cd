"""Labels for scans that nobody outlined, from trained segmenters; what they are unsure of stays unknown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from shared.imaging.input_spec import InputSpec
from training.answers import answer
from training.cases import UNKNOWN, Case, Scan, as_scan, load_cases, save_case


def label(networks: list[nn.Module], folder: Path, wants: InputSpec, sure: float = 0.7) -> Iterator[str]:
    """Write a case `pseudo_NAME` beside every unlabelled case of `folder`, as the networks see it; yields the names.

    A label of a probability below `sure` stays unknown.
    """
    for case in load_cases(folder):
        if case.kind == "unlabelled":
            made = pseudo_case(case, networks, wants, sure)
            save_case(made, folder)
            yield made.name


def pseudo_case(case: Case, networks: list[nn.Module], wants: InputSpec, sure: float) -> Case:
    """The case on the network's pixels with the likeliest label where its probability is at least `sure`."""
    scan = as_scan(case, wants)
    chances = np.stack([mean_chances(networks, scan, index) for index in range(len(scan.image))])
    chances[1:-1] = 0.5 * chances[1:-1] + 0.25 * (chances[:-2] + chances[2:])
    labels = chances.argmax(axis=1).astype(np.uint8)
    labels[chances.max(axis=1) < sure] = UNKNOWN
    spacing = (case.spacing[0], wants.spacing_mm, wants.spacing_mm)
    return replace(case, name=f"pseudo_{case.name}", kind="volume", data=scan.image, labels=labels, spacing=spacing)


def mean_chances(networks: list[nn.Module], scan: Scan, index: int) -> NDArray[np.float32]:
    """Class probabilities (classes, rows, columns) of one slice, averaged over networks."""
    mean = torch.stack([answer(network, scan, index).softmax(0) for network in networks]).mean(0)
    return np.asarray(mean.numpy(), dtype=np.float32)
