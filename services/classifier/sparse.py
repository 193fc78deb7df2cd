"""Which slices have to be scored: a score that can't change what is kept is not computed."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from shared.arrays import Bool, Float32, Int64


def sparse_scores(score: Callable[[Int64], Float32], organs: int, within: Bool, threshold: float, gap: int) -> Float32:
    """Return scores (n, organs) with which `core.keep_mask` keeps the same slices as with all of them.

    `score` returns the scores (k, organs) of k slices. `within` (n,) are the slices that may be kept, without gaps
    between them. Gaps of up to 2 `gap` slices between two passing slices are filled. So the slices between two passing
    ones that are this near need no score, nor those that are farther away from all that may be kept. Theirs is NaN,
    which passes no threshold.
    """
    scores = np.full((len(within), organs), np.nan, dtype=np.float32)
    relevant = _relevant(within, 2 * gap)
    if relevant.size == 0:
        return scores
    coarse = np.append(relevant[: -1 : 2 * gap], relevant[-1])
    scores[coarse] = score(coarse)
    passed = scores[coarse].max(axis=1) >= threshold
    between = np.zeros(len(within), dtype=bool)
    for (left, right), both in zip(pairwise(coarse), passed[:-1] & passed[1:], strict=True):
        between[left + 1 : right] = both
    rest = np.setdiff1d(relevant[~between[relevant]], coarse)
    if rest.size:
        scores[rest] = score(rest)
    return scores


def _relevant(within: Bool, reach: int) -> Int64:
    """Indices of the slices that may be kept, and of those at most `reach` away."""
    kept = np.flatnonzero(within)
    if kept.size == 0:
        return kept
    return np.arange(max(kept[0] - reach, 0), min(kept[-1] + reach + 1, len(within)))
