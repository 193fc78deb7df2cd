"""The classifier stage: scores slices and chooses those that the segmenter reads."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from shared.arrays import Bool, Float32
from shared.imaging.geometry import to_axial
from shared.imaging.preprocess import open_feed
from shared.imaging.volume import SliceScores, Volume
from shared.models.card import Coverage
from shared.models.network import Network

BATCH = 32


def classify(
    volume: Volume,
    network: Network,
    progress: Callable[[float], None] = lambda _: None,
    *,
    coverage: bool = True,
) -> SliceScores:
    """Score every axial slice and choose those to segment.

    `coverage` is whether slices beyond the part of the body that the model card covers are left out.
    `progress` is called with 0 to 1 after each batch; its exceptions propagate.
    """
    turn = to_axial(volume.geometry)
    spacing = turn.target.spacing
    feed = open_feed(turn.apply(volume.data), spacing, volume.modality, network.card.slices)
    scores = np.zeros((len(feed.data), len(network.card.labels)), dtype=np.float32)
    for indices, stacks in feed.batches(np.arange(len(scores)), BATCH):
        scores[indices] = network(stacks)
        progress((int(indices[-1]) + 1) / len(scores))
    keep = keep_mask(scores, network.card.decision_threshold, spacing[0])
    if coverage and network.card.coverage is not None and volume.modality == "MR":
        keep &= coverage_mask(len(scores), spacing[0], network.card.coverage)
    return SliceScores(scores, keep)


def every_slice(volume: Volume) -> SliceScores:
    """Return scores that keep every axial slice, for a segmenter that reads whole volumes: no organ was scored."""
    slices = to_axial(volume.geometry).target.shape[0]
    return SliceScores(np.zeros((slices, 0), dtype=np.float32), np.ones(slices, dtype=bool))


def keep_mask(scores: Float32, threshold: float, slice_mm: float, reach_mm: float = 9.0) -> Bool:
    """Which slices (n,) to keep, from scores (n, organs): those that pass, their neighbours, and short gaps.

    A slice passes if its best score reaches the threshold. A gap between two passing slices is filled up to twice
    `reach_mm`: organs are continuous, so the scores in it are probably wrong.
    """
    passed = np.flatnonzero(scores.max(axis=1) >= threshold)
    keep = np.zeros(len(scores), dtype=bool)
    gap = max(1, round(reach_mm / slice_mm))
    for index in passed:
        keep[max(index - 1, 0) : index + 2] = True
    for left, right in pairwise(passed):
        if right - left <= 2 * gap:
            keep[left:right] = True
    return keep


def coverage_mask(slices: int, slice_mm: float, coverage: Coverage) -> Bool:
    """Which of `slices` slices, numbered towards the feet, are in the region that the training data outlines.

    All, for a scan whose length is outside of the range that the card covers.
    """
    shortest, longest = coverage.scan_mm
    if not shortest <= slices * slice_mm <= longest:
        return np.ones(slices, dtype=bool)
    below_middle = (np.arange(slices) - (slices - 1) / 2) * slice_mm
    within: Bool = below_middle <= coverage.caudal_mm
    return within
