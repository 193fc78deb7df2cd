"""The classifier stage: scores slices and chooses those that the segmenter reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from services.classifier.sparse import sparse_scores
from shared.arrays import Bool, Float32, Int64
from shared.imaging.geometry import to_axial
from shared.imaging.preprocess import Feed, open_feed
from shared.imaging.volume import SliceScores, Volume
from shared.models.batches import batch_size, outputs
from shared.models.card import Coverage
from shared.models.network import Network

BATCH = 32


def classify(
    volume: Volume,
    network: Network,
    progress: Callable[[float], None] = lambda _: None,
    *,
    coverage: bool = True,
    sparse: bool = False,
) -> SliceScores:
    """Score axial slices and choose those to segment.

    `coverage` is whether slices beyond the part of the body that the model card covers are left out. With `sparse`
    the slices whose score can't change the choice are not scored: theirs is NaN. `progress` is called with 0 to 1
    after each batch; its exceptions propagate.
    """
    turn = to_axial(volume.geometry)
    spacing = turn.target.spacing
    feed = open_feed(turn.apply(volume.data), spacing, volume.modality, network.card.slices)
    slices, threshold = len(feed.data), network.card.decision_threshold
    within = np.ones(slices, dtype=bool)
    if coverage and network.card.coverage is not None and volume.modality == "MR":
        within = coverage_mask(slices, spacing[0], network.card.coverage)
    score = _Scorer(feed, network, progress)
    if sparse:
        scores = sparse_scores(score, len(network.card.labels), within, threshold, gap_of(spacing[0]))
    else:
        scores = score(np.arange(slices))
    progress(1.0)
    return SliceScores(scores, keep_mask(scores, threshold, spacing[0]) & within)


@dataclass(slots=True, eq=False)
class _Scorer:
    """Scores slices with a network and reports which share of the scan's slices has been scored."""

    feed: Feed
    network: Network
    progress: Callable[[float], None]
    done: int = 0

    def __call__(self, chosen: Int64) -> Float32:
        found = []
        batches = self.feed.batches(chosen, batch_size(self.network, BATCH))
        for indices, output in outputs(self.network, batches):
            found.append(output)
            self.done += len(indices)
            self.progress(self.done / len(self.feed.data))
        return np.concatenate(found)


def every_slice(volume: Volume) -> SliceScores:
    """Return scores that keep every axial slice, for a segmenter that reads whole volumes: no organ was scored."""
    slices = to_axial(volume.geometry).target.shape[0]
    return SliceScores(np.zeros((slices, 0), dtype=np.float32), np.ones(slices, dtype=bool))


def gap_of(slice_mm: float, reach_mm: float = 9.0) -> int:
    """Return half of the gap in slices, at least 1, that is filled between two passing slices."""
    return max(1, round(reach_mm / slice_mm))


def keep_mask(scores: Float32, threshold: float, slice_mm: float) -> Bool:
    """Which slices (n,) to keep, from scores (n, organs): those that pass, their neighbours, and short gaps.

    A slice passes if its best score reaches the threshold. A gap between two passing slices is filled up to twice
    `gap_of`: organs are continuous, so the scores in it are probably wrong.
    """
    passed = np.flatnonzero(scores.max(axis=1) >= threshold)
    keep = np.zeros(len(scores), dtype=bool)
    gap = gap_of(slice_mm)
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
