"""A model is compared with the one before in pairs, and replaces it only if it is better on patients held out."""

import re

import numpy as np
import pytest

from shared.imaging.volume import ORGANS
from shared.models.card import CARD, load_card
from shared.models.registry import SERVICES
from tests.training.test_evaluate import blocks, case_of, scores_of
from training.evaluate import MEAN, CaseResult, compare
from training.paired import Pairs, comparison_table, differences
from training.promotion import Way, refusal, updated_card


def result(patient: str, missing: int) -> CaseResult:
    """A result that lacks so many rows of each organ."""
    labels = blocks()
    predicted = labels.copy()
    predicted[:, 20 : 20 + missing] = 0
    found = CaseResult(case_of(labels, f"{patient}_day0"), scores_of([1.0] * len(labels)), predicted)
    found.figures.update({organ.name: compare(found, organ.id) for organ in ORGANS})
    return found


def pairs(before: list[int], after: list[int]) -> Pairs:
    names = [f"case{number}" for number in range(len(before))]
    return Pairs([*map(result, names, before)], [*map(result, names, after)])


def test_a_small_gain_on_every_patient_is_seen_although_patients_differ_much():
    change = differences(pairs([1, 3, 6, 9, 12, 15], [0, 2, 5, 8, 11, 14]))
    assert 0 < change["stomach"][1] <= change["stomach"][0] <= change["stomach"][2] < 0.1
    assert refusal(pairs([1, 3, 6, 9, 12, 15], [0, 2, 5, 8, 11, 14])) is None


def test_pairs_of_different_cases_are_refused():
    with pytest.raises(ValueError, match="same cases"):
        Pairs([result("case1", 0)], [result("case2", 0)])


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ([5] * 6, [5] * 6, r"changes by \+0\.000"),
        ([5] * 6, [6] * 6, r"changes by -0\.0"),
        ([9, 9, 9, 9, 9, 5], [8, 8, 8, 8, 8, 15], "lower limit must be above 0"),
        ([5] * 5, [1] * 5, "5 patients were held out, and 6 are needed"),
    ],
)
def test_a_model_that_is_not_surely_better_is_refused_with_the_reason(before, after, reason):
    refused = refusal(pairs(before, after))
    assert refused is not None
    assert re.search(reason, refused)


def test_the_table_has_a_line_for_each_organ_and_their_mean():
    lines = comparison_table(pairs([5] * 6, [1] * 6)).splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == [*(organ.name for organ in ORGANS), MEAN]


def test_the_card_says_what_was_learned_and_the_paired_figures():
    old = load_card(SERVICES / "segmenter" / CARD)
    new = [case_of(blocks(), f"case{number}_day0") for number in range(7)]
    measured = pairs([5] * 6, [1] * 6)
    card = updated_card(old, new, measured, version="0.5.0", way=Way(), licence="theirs")
    assert card.data[:-1] == old.data
    assert (card.data[-1].name, card.data[-1].licence) == (
        "28 outlined slices of 7 patients, corrected or outlined by people",
        "theirs",
    )
    assert card.version == "0.5.0"
    before, after = card.metrics["dice_before_mean"], card.metrics["dice_unseen_mean"]
    assert isinstance(before, float)
    assert isinstance(after, float)
    assert card.metrics["dice_difference"] == pytest.approx(after - before, abs=2e-3)
    assert np.isfinite(card.metrics["dice_difference_low"])
    assert "6 patients were held out" in str(card.metrics["dice_update_note"])


@pytest.mark.parametrize(
    ("way", "words"),
    [
        (Way(2), "6 patients was held out once, in 2 groups; the weights of this folder learned from all"),
        (Way(2, kept=True), "6 patients was held out once, in 2 groups; this folder is the model of one group"),
    ],
)
def test_the_card_says_which_weights_were_measured(way, words):
    old = load_card(SERVICES / "segmenter" / CARD)
    card = updated_card(old, [], pairs([5] * 6, [1] * 6), version="0.5.0", way=way, licence="theirs")
    assert words in str(card.metrics["dice_update_note"])
