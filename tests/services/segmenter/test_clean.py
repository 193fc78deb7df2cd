"""Cleaning removes specks and pinholes and leaves organs alone."""

import numpy as np
from scipy import ndimage

from services.segmenter.clean import tidy

SPACING = (3.0, 1.5, 1.5)


def test_a_speck_goes_and_the_organ_stays():
    labels = np.zeros((10, 60, 60), dtype=np.uint8)
    labels[2:8, 10:30, 10:30] = 3
    whole = labels.copy()
    labels[5, 50:52, 50:52] = 3
    assert np.array_equal(tidy(labels.copy(), SPACING), whole)


def test_two_large_parts_of_one_organ_both_stay():
    labels = np.zeros((10, 60, 60), dtype=np.uint8)
    labels[2:8, 5:25, 5:25] = 2
    labels[2:8, 35:55, 35:55] = 2
    assert np.array_equal(tidy(labels.copy(), SPACING), labels)


def test_an_organ_that_is_only_a_speck_stays():
    labels = np.zeros((10, 60, 60), dtype=np.uint8)
    labels[5, 30:33, 30:33] = 1
    assert np.array_equal(tidy(labels.copy(), SPACING), labels)


def test_a_pinhole_is_filled_and_another_organ_inside_is_not():
    labels = np.zeros((10, 60, 60), dtype=np.uint8)
    labels[:, 10:50, 10:50] = 3
    labels[4, 20:22, 20:22] = 0
    labels[:, 30:44, 30:44] = 2
    cleaned = tidy(labels.copy(), SPACING)
    assert (cleaned[4, 20:22, 20:22] == 3).all()
    assert (cleaned[:, 30:44, 30:44] == 2).all()


def test_the_label_map_itself_is_cleaned():
    labels = np.zeros((4, 20, 20), dtype=np.uint8)
    labels[1, 5:15, 5:15] = 1
    labels[1, 8, 8] = 0
    assert tidy(labels, SPACING) is labels
    assert labels[1, 8, 8] == 1


def test_a_part_that_is_tiny_beside_the_largest_goes_even_if_it_is_no_speck():
    labels = np.zeros((10, 90, 90), dtype=np.uint8)
    labels[:, 5:65, 5:65] = 1
    whole = labels.copy()
    labels[3:7, 75:87, 75:87] = 1  # 3.9 mL beside 243 mL
    assert np.array_equal(tidy(labels.copy(), SPACING), whole)


def test_holes_are_those_that_scipy_fills():
    rng = np.random.default_rng(4)
    for _ in range(40):
        organ = ndimage.gaussian_filter(rng.normal(size=(60, 70)), 3) > 0
        labels = (2 * ndimage.binary_dilation(organ)).astype(np.uint8)[None]
        labels[0][rng.random((60, 70)) < 0.05] = 0
        filled = ndimage.binary_fill_holes(labels[0] == 2)
        assert np.array_equal(tidy(labels.copy(), SPACING, island_ml=0.0, share=0.0)[0] == 2, filled)


def test_an_empty_label_map_stays_empty():
    assert not tidy(np.zeros((3, 9, 9), dtype=np.uint8), SPACING).any()
