"""What training does for the classifier only: labels beyond the outlined region, and validation figures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from torch import nn

from shared.arrays import Bool, Float64
from training.dataset.cases import IGNORE, Scan, shows_organ
from training.predict import slice_logits


def clear_beyond(scan: Scan, beyond: dict[str, int]) -> Scan:
    """The scan with background on slices beyond the outlined region; `beyond` maps the end of a name to an index."""
    first = next((index for name, index in beyond.items() if scan.case.name.endswith(name)), len(scan.labels))
    labels = scan.labels.copy()
    labels[first:] = 0
    return replace(scan, labels=labels)


def classifier_figures(network: nn.Module, scans: list[Scan]) -> dict[str, float]:
    """The threshold at which 99 % of the organ slices pass, its false positives, and the organ slices' lowest score."""
    scored = [pair for scan in scans for pair in _scored(network, scan)]
    scores, shown = np.array([s for s, _ in scored]), np.array([t for _, t in scored], dtype=bool)
    if not shown.any():
        return {}
    threshold = threshold_for(scores, shown, 0.99)
    wrong = float((scores[~shown] >= threshold).mean()) if (~shown).any() else float("nan")
    return {"threshold": threshold, "false_positives": wrong, "lowest": float(scores[shown].min())}


def threshold_for(scores: Float64, shown: Bool, recall: float) -> float:
    """The highest threshold at which at least `recall` of the organ slices pass (score >= threshold)."""
    ordered = np.sort(scores[shown])
    return float(ordered[int(np.floor((1.0 - recall) * len(ordered)))])


def _scored(network: nn.Module, scan: Scan) -> Iterator[tuple[float, bool]]:
    """The best organ's score of each slice with a known label, and whether the slice shows an organ."""
    for index, labels in enumerate(scan.labels):
        if not (labels == IGNORE).all():
            yield float(slice_logits(network, scan, index).sigmoid().max()), shows_organ(labels)
