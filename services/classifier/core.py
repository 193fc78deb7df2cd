"""Which slices show an organ."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from shared.imaging.geometry import to_axial
from shared.imaging.preprocess import open_feed
from shared.imaging.volume import SliceScores, Volume
from shared.models.card import Coverage
from shared.models.network import Network

BATCH = 32


def classify(volume: Volume, network: Network, progress: Callable[[float], None] = lambda _: None) -> SliceScores:
    """Score every axial slice and say which ones the segmenter shall see.

    `progress` is called with 0 to 1 after each batch; what it raises passes through.
    """
    turn = to_axial(volume.geometry)
    spacing = turn.target.spacing
    feed = open_feed(turn.apply(volume.data), spacing, volume.modality, network.card.input)
    scores = np.zeros((len(feed.data), len(network.card.labels)), dtype=np.float32)
    for indices, stacks in feed.batches(np.arange(len(scores)), BATCH):
        scores[indices] = network(stacks)
        progress((int(indices[-1]) + 1) / len(scores))
    keep = kept(scores, network.card.decision_threshold, spacing[0])
    if network.card.coverage is not None and volume.modality == "MR":
        keep &= covered(len(scores), spacing[0], network.card.coverage)
    return SliceScores(scores, keep)


def kept(scores: NDArray[np.float32], threshold: float, slice_mm: float, reach_mm: float = 9.0) -> NDArray[np.bool_]:
    """Slices (n,) whose best score reaches the threshold, and those between or next to such within `reach_mm`.

    Organs are continuous: a slice that fails between two that pass was misjudged.
    """
    passed = np.flatnonzero(scores.max(axis=1) >= threshold)
    keep = np.zeros(len(scores), dtype=bool)
    gap = max(1, round(reach_mm / slice_mm))
    for one in passed:
        keep[max(one - 1, 0) : one + 2] = True
    for left, right in pairwise(passed):
        if right - left <= 2 * gap:
            keep[left:right] = True
    return keep


def covered(slices: int, slice_mm: float, coverage: Coverage) -> NDArray[np.bool_]:
    """Slices (n,), numbered towards the feet, that lie where the card says that organs are outlined."""
    least, most = coverage.scan_mm
    if not least <= slices * slice_mm <= most:
        return np.ones(slices, dtype=bool)
    below_middle = (np.arange(slices) - (slices - 1) / 2) * slice_mm
    within: NDArray[np.bool_] = below_middle <= coverage.caudal_mm
    return within
