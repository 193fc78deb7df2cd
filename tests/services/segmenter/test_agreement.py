"""Dice and difference of volume, organ by organ."""

import numpy as np
import pytest

from services.segmenter.agreement import agreement
from shared.imaging.geometry import Geometry
from shared.imaging.volume import ORGANS, LabelMap, Organ

GRID = Geometry((2, 4, 10), np.diag([2.0, 5.0, 10.0, 1.0]))
"""Voxels of 0.1 mL."""


def row(ids, organs=ORGANS):
    data = np.zeros(GRID.shape, dtype=np.uint8)
    data[1, 2] = ids
    return LabelMap(data, GRID, organs=organs)


def test_organs_agree_by_twice_the_overlap_over_both_sizes():
    found = agreement(row([1, 1, 1, 1, 2, 2, 0, 0, 0, 0]), row([0, 1, 1, 1, 1, 1, 0, 0, 0, 3]))
    assert found["stomach"].dice == pytest.approx(2 * 3 / (4 + 5))
    assert found["stomach"].difference_ml == pytest.approx(0.1)
    assert found["small_bowel"].dice == found["large_bowel"].dice == 0.0
    assert found["small_bowel"].difference_ml == pytest.approx(-0.2)
    assert found["large_bowel"].difference_ml == pytest.approx(0.1)


def test_an_organ_that_neither_has_or_that_only_one_can_have_is_left_out():
    others = (Organ(7, "stomach", "Stomach", None, (0, 0, 0)), Organ(1, "liver", "Liver", None, (0, 0, 0)))
    found = agreement(row([1, 1, 0, 0, 0, 0, 0, 0, 0, 0]), row([7, 7, 0, 0, 0, 0, 0, 0, 1, 1], others))
    assert {organ: (each.dice, each.difference_ml) for organ, each in found.items()} == {"stomach": (1.0, 0.0)}
