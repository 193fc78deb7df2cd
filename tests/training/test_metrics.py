"""The metrics, compared with values computed by hand."""

import numpy as np
import pytest

from training.metrics import (
    bootstrap,
    bootstrap_columns,
    competition,
    dice,
    distance_summary,
    hausdorff_score,
    organ_slice_dice,
    slice_dice,
)


def cube(shape, low, high):
    mask = np.zeros(shape, dtype=bool)
    mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
    return mask


A = cube((4, 10, 10), (1, 2, 2), (3, 6, 6))  # 2 x 4 x 4 = 32 voxels
B = cube((4, 10, 10), (1, 2, 4), (3, 6, 8))  # moved by 2 columns: 16 in common
NONE = np.zeros((4, 10, 10), dtype=bool)


def test_dice_of_half_overlapping_blocks_is_a_half():
    assert dice(A, B) == 0.5
    assert dice(A, A) == 1.0
    assert dice(A, NONE) == 0.0
    assert dice(NONE, NONE) == 1.0


def test_slice_dice_is_the_mean_over_slices_that_show_the_organ():
    more = A | cube((4, 10, 10), (3, 0, 0), (4, 1, 1))
    assert slice_dice(more, A) == pytest.approx((1 + 1 + 0) / 3)
    assert slice_dice(NONE, NONE) == 1.0


def test_organ_slice_dice_ignores_slices_without_the_organ():
    more = A | cube((4, 10, 10), (3, 0, 0), (4, 10, 10))
    assert organ_slice_dice(more, A) == 1.0
    assert np.isnan(organ_slice_dice(A, NONE))


def test_surface_distance_of_single_voxels_is_their_distance_in_millimetres():
    one, other = cube((5, 5, 5), (0, 0, 0), (1, 1, 1)), cube((5, 5, 5), (2, 0, 4), (3, 1, 5))
    distances = distance_summary(one, other, (3.0, 1.5, 1.5))
    assert distances.hd95 == pytest.approx(np.hypot(6.0, 6.0))
    assert distances.mean == pytest.approx(np.hypot(6.0, 6.0))


def test_surface_distance_of_parallel_plates_is_their_gap():
    one, other = cube((9, 9, 9), (2, 0, 0), (3, 9, 9)), cube((9, 9, 9), (5, 0, 0), (6, 9, 9))
    distances = distance_summary(one, other, (3.0, 1.0, 1.0))
    assert (distances.hd95, distances.mean) == (9.0, 9.0)


def test_surface_distance_to_nothing_is_not_a_number():
    assert np.isnan(distance_summary(A, NONE, (1.0, 1.0, 1.0)).mean)


def test_hausdorff_score_is_one_at_agreement_and_zero_at_opposite_corners():
    first, last = cube((4, 10, 10), (0, 0, 0), (1, 1, 1)), cube((4, 10, 10), (3, 9, 9), (4, 10, 10))
    assert hausdorff_score(first, first) == 1.0
    assert hausdorff_score(first, last) == pytest.approx(0.0)
    assert hausdorff_score(A, NONE) == 0.0
    assert hausdorff_score(NONE, NONE) == 1.0


def test_hausdorff_score_of_a_shift_is_the_shift_over_the_diagonal():
    # The farthest border voxel of B from A is 2 of 9 columns away.
    assert hausdorff_score(A, B) == pytest.approx(1 - (2 / 9) / np.sqrt(3))


def test_competition_weighs_overlap_with_four_and_distance_with_six_tenths():
    assert competition(A, B) == pytest.approx(0.4 * 0.5 + 0.6 * (1 - (2 / 9) / np.sqrt(3)))
    assert competition(A, A) == pytest.approx(1.0)
    assert competition(NONE, A) == 0.0


def test_bootstrap_brackets_the_mean_and_leaves_out_what_is_not_a_number():
    mean, low, high = bootstrap(np.array([0.6, 0.8, np.nan, 0.7]))
    assert mean == pytest.approx(0.7)
    assert 0.6 - 1e-9 <= low < mean < high <= 0.8 + 1e-9
    assert all(np.isnan(bootstrap(np.array([np.nan]))))


def test_the_mean_over_organs_draws_patients_whole_and_leaves_out_missing_values():
    table = np.array([[0.2, 0.4, 0.6], [0.4, np.nan, 0.8], [0.6, 0.8, np.nan]])
    mean, low, high = bootstrap_columns(table)
    assert mean == pytest.approx((0.4 + 0.6 + 0.7) / 3)
    assert 0.4 - 1e-9 <= low < mean < high <= (0.6 + 0.8 + 0.8) / 3 + 1e-9
    same = np.repeat(np.array([[0.1], [0.5], [0.9]]), 3, axis=1)
    assert bootstrap_columns(same) == pytest.approx(bootstrap(same[:, 0]))
    assert all(np.isnan(bootstrap_columns(np.array([[0.5, np.nan]]))))
