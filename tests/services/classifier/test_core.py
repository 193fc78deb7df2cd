"""The classifier keeps slices that may show an organ, in the order of the axial view, and reports progress."""

import numpy as np
import pytest

from services.classifier.core import classify, coverage_mask, every_slice, keep_mask
from shared.imaging.geometry import Geometry
from shared.imaging.volume import Volume
from shared.models.card import Coverage
from shared.models.network import load_network
from tests.support.tiny_models import by_presence


def volume_of(flags: list[bool], dz: float = -3.0) -> Volume:
    """Slices with contrast where `flags` says so and plain ones elsewhere."""
    data = np.zeros((len(flags), 96, 96), dtype=np.uint16)
    data[np.array(flags), 20:70, 20:70] = 500
    affine = np.diag([1.5, 1.5, dz, 1.0])
    return Volume(data, Geometry(data.shape, affine), "MR", "nifti")


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return load_network(by_presence(tmp_path_factory.mktemp("classifier")))


def test_every_slice_is_scored_for_every_organ(network):
    scores = classify(volume_of([False] * 6 + [True] * 4), network)
    assert scores.scores.shape == (10, 3)
    assert scores.scores.dtype == np.float32
    assert scores.scores[:6].max() == 0.0
    assert scores.scores[6:].min() == 1.0


def test_slices_beside_a_kept_one_are_kept_and_far_ones_are_not(network):
    keep = classify(volume_of([False] * 6 + [True] * 4), network).keep
    assert keep.tolist() == [False] * 5 + [True] * 5


def test_the_coverage_of_the_card_may_be_ignored(tmp_path):
    network = load_network(by_presence(tmp_path, coverage={"scan_mm": [20.0, 40.0], "caudal_mm": 0.0}))
    assert classify(volume_of([True] * 10), network).keep.tolist() == [True] * 5 + [False] * 5
    assert classify(volume_of([True] * 10), network, coverage=False).keep.all()


def test_scores_count_from_head_to_feet_whatever_the_file_says(network):
    upward = classify(volume_of([True] * 4 + [False] * 6, dz=3.0), network)
    assert upward.scores.max(axis=1).tolist() == [0.0] * 6 + [1.0] * 4


def test_one_misjudged_slice_between_organs_is_kept():
    scores = np.array([0.0, 0.9, 0.1, 0.1, 0.9, 0.0, 0.0], dtype=np.float32)[:, None]
    assert keep_mask(scores, 0.5, slice_mm=3.0).tolist() == [True] * 6 + [False]


def test_far_apart_organs_are_not_joined():
    scores = np.zeros((40, 1), dtype=np.float32)
    scores[[5, 30]] = 1.0
    assert np.flatnonzero(keep_mask(scores, 0.5, slice_mm=3.0)).tolist() == [4, 5, 6, 29, 30, 31]


def test_a_scan_without_organs_keeps_nothing():
    assert not keep_mask(np.zeros((9, 3), dtype=np.float32), 0.5, slice_mm=3.0).any()


def test_coverage_cuts_only_scans_of_the_length_it_speaks_of():
    coverage = Coverage(scan_mm=(400.0, 470.0), caudal_mm=156.0)
    within = coverage_mask(144, 3.0, coverage)
    assert np.flatnonzero(within)[-1] == 123
    assert coverage_mask(80, 3.0, coverage).all()
    assert coverage_mask(700, 1.0, coverage).all()


def test_progress_ends_at_one_and_what_it_raises_passes_through(network):
    reported: list[float] = []
    classify(volume_of([True] * 70), network, reported.append)
    assert reported[-1] == 1.0
    assert reported == sorted(reported)

    def stop(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        classify(volume_of([True] * 70), network, stop)


def test_every_axial_slice_is_kept_for_a_segmenter_of_volumes():
    data = np.zeros((7, 9, 11), dtype=np.int16)
    sagittal = np.array([[0.0, 0.0, 1.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    scores = every_slice(Volume(data, Geometry(data.shape, sagittal), "MR", "nifti"))
    assert scores.keep.shape == (9,)  # the rows run from head to feet
    assert scores.keep.all()
