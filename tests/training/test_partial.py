"""Slices of which only some organs are outlined: other likely gut is unknown, background stays background."""

import csv

import cv2
import numpy as np
import pytest

from training.dataset.cases import IGNORE, Case
from training.dataset.partial import partial_slices, with_unknown_gut

SIZE = 40


def probabilities(**squares):
    """Probabilities (class, row, column): an organ is certain in its square of 8 pixels, elsewhere background is."""
    classes = ("background", "stomach", "small", "large")
    result = np.zeros((4, SIZE, SIZE), np.float32)
    result[0] = 1.0
    for name, (row, column) in squares.items():
        result[:, row : row + 8, column : column + 8] = 0.0
        result[classes.index(name), row : row + 8, column : column + 8] = 1.0
    return result


def case_with(labels):
    return Case("one", "one", "slices", "MR", (3.0, 1.5, 1.5), np.zeros((1, SIZE, SIZE), np.uint8), labels[None])


@pytest.fixture
def outlined():
    """Labels with a stomach that somebody outlined."""
    labels = np.zeros((SIZE, SIZE), np.uint8)
    labels[2:10, 2:10] = 1
    return labels


def test_likely_gut_without_an_outline_is_unknown(outlined):
    after = with_unknown_gut(case_with(outlined), probabilities(stomach=(2, 2), small=(20, 20)))
    expected = outlined.copy()
    expected[20:28, 20:28] = IGNORE
    assert (after.labels[0] == expected).all()


def test_what_touches_an_outline_is_its_outer_side_and_stays_background(outlined):
    after = with_unknown_gut(case_with(outlined), probabilities(stomach=(4, 4)))
    assert (after.labels[0] == outlined).all()


def test_where_two_organs_are_outlined_only_the_third_is_unknown(outlined):
    outlined[30:36, 2:10] = 2
    after = with_unknown_gut(case_with(outlined), probabilities(small=(20, 20), large=(4, 30)))
    assert (after.labels[0][20:28, 20:28] == 0).all()
    assert (after.labels[0][4:12, 30:38] == IGNORE).all()


def test_probabilities_of_another_size_lie_on_the_same_body(outlined):
    large = probabilities(stomach=(2, 2), small=(20, 20)).repeat(2, axis=1).repeat(2, axis=2)
    after = with_unknown_gut(case_with(outlined), large)
    assert (after.labels[0][21:27, 21:27] == IGNORE).all()
    assert not (after.labels[0][:, :18] == IGNORE).any()


def test_small_slices_are_read_at_twice_their_size_where_they_were(tmp_path, outlined):
    for part, picture in (("images", np.where(outlined > 0, 200, 60).astype(np.uint8)), ("labels", outlined)):
        (tmp_path / part).mkdir()
        cv2.imwrite(str(tmp_path / part / "strip_01.png"), picture)
    with (tmp_path / "index.csv").open("w", newline="") as file:
        rows = csv.DictWriter(file, ("name", "matched_case"))
        rows.writeheader()
        rows.writerow({"name": "strip_01", "matched_case": "case9_day1_slice_0002"})
    (case,) = partial_slices(tmp_path)
    assert (case.patient, case.kind, case.data.shape, case.labels.shape) == (
        "case9",
        "slices",
        (1, 80, 80),
        (1, 80, 80),
    )
    found = np.argwhere(case.labels[0] == 1)
    np.testing.assert_allclose(found.mean(axis=0), (11.5, 11.5), atol=0.1)  # twice (5.5, 5.5), half a pixel further
    assert 200 < len(found) <= 256, "only its corners are round"
    bright = np.argwhere(case.data[0] > 130)
    np.testing.assert_allclose(bright.mean(axis=0), (11.5, 11.5), atol=0.1)
