"""The simulated reader clicks the largest part with a wrong label."""

import numpy as np
import pytest

from shared.imaging.volume import SliceScores
from training.dataset.cases import IGNORE, Case
from training.evaluate import CaseResult
from training.reader import Action, corrected, next_action, read, table


@pytest.fixture
def reference():
    """A bar of each organ in a slice; three slices."""
    labels = np.zeros((3, 12, 12), np.uint8)
    for organ in (1, 2, 3):
        labels[:, 4 * organ - 4 : 4 * organ - 1] = organ
    return labels


@pytest.fixture
def predicted(reference):
    """The bar of organ 2 is called 3; a small part of 1 is where nothing is."""
    labels = reference.copy()
    labels[labels == 2] = 3
    labels[0, 3, 11] = 1
    labels[:2, 2, 10:] = 0  # so that it is a part of its own
    labels[:, 7] = labels[:, 3, :11] = 0
    return labels


def test_the_largest_wrong_part_comes_first_then_the_next(predicted, reference):
    first = next_action(predicted, reference)
    assert first == Action((0, 4, 0), 2, 3 * 3 * 12)
    maps = list(corrected(predicted, reference, 4))
    assert (maps[1][reference == 2] == 2).all()
    assert maps[2][0, 3, 11] == 0
    assert (maps[4] == maps[2]).all(), "nothing is left to do"
    assert next_action(maps[2], reference) is None


def test_parts_in_single_slices_follow_once_no_whole_part_has_a_wrong_label(reference):
    predicted = reference.copy()
    predicted[1, 4:7] = 3  # the bar of organ 2 in one slice
    predicted[0, 7, 0] = 3  # joins it to organ 3
    assert next_action(predicted, reference) == Action((1, 4, 0), 2, 3 * 12, in_slice=True)
    first = list(corrected(predicted, reference, 1))[1]
    assert (first[reference > 0] == reference[reference > 0]).all()
    assert next_action(first, reference) is None


def test_what_is_not_known_does_not_count(predicted, reference):
    reference[reference == 2] = IGNORE
    action = next_action(predicted, reference)
    assert action == Action((0, 3, 11), 0, 1)


@pytest.mark.parametrize(("kind", "better"), [("volume", 1), ("slices", 1)])
def test_dice_grows_with_the_actions(predicted, reference, kind, better):
    case = Case("a", "a", kind, "MR", (3.0, 1.0, 1.0), np.zeros_like(reference), reference)
    scores = SliceScores(np.ones((3, 3), np.float32), np.ones(3, bool))
    after = read([CaseResult(case, scores, predicted)], (0, 1, 2))
    found = [after[count][0].figures["small_bowel"]["dice"] for count in (0, 1, 2)]
    assert found[0] == 0.0
    assert found[1] == found[2] == better
    assert table(after).splitlines()[2].startswith("| 0 | ")
