"""Pseudo-labels for unlabelled scans from trained segmenters; unsure pixels are ignored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from shared.arrays import Float32
from shared.imaging.input_spec import InputSpec
from training.dataset.cases import IGNORE, Case, Scan, as_scan, load_cases, save_case
from training.predict import slice_logits


def write_pseudo_labels(
    networks: list[nn.Module], folder: Path, spec: InputSpec, min_probability: float = 0.7
) -> Iterator[str]:
    """Write a case `pseudo_NAME` beside each unlabelled case of `folder`, on the networks' pixels; yields the names.

    Pixels whose likeliest class has less than `min_probability` get the label IGNORE.
    """
    for case in load_cases(folder):
        if case.kind == "unlabelled":
            labelled = pseudo_case(case, networks, spec, min_probability)
            save_case(labelled, folder)
            yield labelled.name


def pseudo_case(case: Case, networks: list[nn.Module], spec: InputSpec, min_probability: float) -> Case:
    """The case on the networks' pixels with the likeliest label, or IGNORE below `min_probability`."""
    scan = as_scan(case, spec)
    probabilities = np.stack([mean_probabilities(networks, scan, index) for index in range(len(scan.image))])
    probabilities[1:-1] = 0.5 * probabilities[1:-1] + 0.25 * (probabilities[:-2] + probabilities[2:])
    labels = probabilities.argmax(axis=1).astype(np.uint8)
    labels[probabilities.max(axis=1) < min_probability] = IGNORE
    spacing = (case.spacing[0], spec.spacing_mm, spec.spacing_mm)
    return replace(case, name=f"pseudo_{case.name}", kind="volume", data=scan.image, labels=labels, spacing=spacing)


def mean_probabilities(networks: list[nn.Module], scan: Scan, index: int) -> Float32:
    """Class probabilities (classes, rows, columns) of one slice, averaged over the networks."""
    mean = torch.stack([slice_logits(network, scan, index).softmax(0) for network in networks]).mean(0)
    return np.asarray(mean.numpy(), dtype=np.float32)
