"""Slices are kept as if every slice had been scored, with fewer scores."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from services.classifier.core import classify, keep_mask
from services.classifier.sparse import sparse_scores
from shared.models.network import load_network
from tests.services.classifier.test_core import volume_of
from tests.support.tiny_models import by_presence

SCORES = st.integers(1, 90).flatmap(
    lambda slices: arrays.arrays(np.float32, (slices, 2), elements=st.sampled_from([0.0, 0.2, 0.9]))
)
RUNS = st.lists(st.tuples(st.booleans(), st.integers(1, 30)), min_size=1, max_size=6)


def mask(scores, within, slice_mm):
    return keep_mask(scores, 0.5, slice_mm) & within


def by_part(scores, within, slice_mm):
    """The mask from sparse scores, and how often each slice was scored."""
    counts = np.zeros(len(scores), dtype=int)

    def score(chosen):
        counts[chosen] += 1
        return scores[chosen]

    gap = max(1, round(9.0 / slice_mm))
    return mask(sparse_scores(score, scores.shape[1], within, 0.5, gap), within, slice_mm), counts


def interval(slices, ends):
    within = np.zeros(slices, dtype=bool)
    within[min(ends) : max(ends)] = True
    return within


@given(SCORES, st.tuples(st.integers(0, 90), st.integers(0, 90)), st.sampled_from([0.7, 1.0, 3.0, 5.0, 40.0]))
def test_the_same_slices_are_kept_and_none_is_scored_twice(scores, ends, slice_mm):
    within = interval(len(scores), ends)
    kept, counts = by_part(scores, within, slice_mm)
    assert kept.tolist() == mask(scores, within, slice_mm).tolist()
    assert counts.max() <= 1


@given(RUNS, st.sampled_from([1.0, 3.0]))
def test_long_runs_of_organs_are_kept_alike(runs, slice_mm):
    scores = np.concatenate([np.full((length, 1), float(organ), dtype=np.float32) for organ, length in runs])
    everywhere = np.ones(len(scores), dtype=bool)
    assert by_part(scores, everywhere, slice_mm)[0].tolist() == mask(scores, everywhere, slice_mm).tolist()


def test_inside_a_run_of_organs_few_slices_are_scored():
    scores = np.ones((120, 1), dtype=np.float32)
    _, counts = by_part(scores, np.ones(120, dtype=bool), 3.0)
    assert counts.sum() == 21


def test_a_network_is_asked_for_fewer_slices_and_keeps_the_same(tmp_path):
    network = load_network(by_presence(tmp_path))
    volume = volume_of([False] * 9 + [True] * 40 + [False] * 9)
    full, sparse = classify(volume, network), classify(volume, network, sparse=True)
    assert sparse.keep.tolist() == full.keep.tolist()
    scored = ~np.isnan(sparse.scores[:, 0])
    assert np.array_equal(sparse.scores[scored], full.scores[scored])
    assert scored.sum() < 35
