"""Organ-swapped slices keep the body, and their labels are where the new organs are."""

import numpy as np

from shared.imaging.input_spec import InputSpec
from training.dataset.cases import Scan, as_scan
from training.dataset.gather import phantoms
from training.dataset.organ_swap import fill_bank, organ_swaps


def test_organs_change_and_the_body_around_them_stays():
    one, other = (as_scan(case, InputSpec()) for case in phantoms(2))
    bank = fill_bank([one], [Scan(other.case, other.labels, other.labels, 1)])
    swapped = organ_swaps(one, bank, 4, np.random.default_rng(0))
    assert swapped.kind == "slices"
    assert swapped.data.shape == swapped.labels.shape == (4, *one.image.shape[1:])
    assert all((labels > 0).any() for labels in swapped.labels)
    far = np.zeros(swapped.data.shape[1:], dtype=bool)
    far[:20] = far[-20:] = True
    assert any((swapped.data[0][far] == image[far]).all() for image in one.image)


def test_the_same_seed_gives_the_same_slices():
    (scan,) = (as_scan(case, InputSpec()) for case in phantoms(1))
    bank = fill_bank([scan], [Scan(scan.case, scan.labels, scan.labels, 1)])
    first, second = (organ_swaps(scan, bank, 2, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(first.data, second.data)
    assert np.array_equal(first.labels, second.labels)
