"""A calibration says what expected Dice coefficients meant on patients that the model had not seen."""

import numpy as np
import pytest

from services.segmenter.confidence import WHOLE
from shared.imaging.confidence import Confidence
from shared.models.card import ModelCard
from tests.training.test_evaluate import blocks, case_of, scores_of
from training.calibration import (
    Samples,
    auroc,
    calibration,
    calibration_error,
    calibration_report,
    cross_fitted,
    flagged_difference,
    line,
    reliability,
    samples,
)
from training.evaluate import CaseResult
from training.export.cards import card


def drawn(count: int = 300, seed: int = 0) -> Samples:
    """Slices of which the expected Dice is 0.2 too high, with noise; three per patient."""
    rng = np.random.default_rng(seed)
    expected = rng.uniform(0.1, 0.95, count)
    dice = np.clip(expected - 0.2 + rng.normal(0, 0.1, count), 0, 1)
    return Samples(expected, dice, (np.arange(count) // 3).astype(float))


def result(patient: str, sure: float, missing: int) -> CaseResult:
    """Four slices with organs of which so many rows are missing, and one expected Dice for all of them."""
    labels = blocks()
    predicted = labels.copy()
    predicted[:, 20 : 20 + missing] = 0
    values = tuple(None if number < 2 else sure for number in range(len(labels)))
    names = ("stomach", "small_bowel", "large_bowel")
    confidence = Confidence(axis=0, slices=values, organs=dict.fromkeys(names, values))
    found = CaseResult(case_of(labels, f"{patient}_day0"), scores_of([1.0] * len(labels)), predicted)
    return CaseResult(found.case, found.scores, predicted, confidence=(confidence,))


def test_the_line_takes_back_what_was_too_sure_and_stays_within_0_and_1():
    points = np.array(line(drawn()))
    assert np.interp(0.7, points[:, 0], points[:, 1]) == pytest.approx(0.5, abs=0.03)
    assert np.interp(0.05, points[:, 0], points[:, 1]) == pytest.approx(0.0, abs=0.05)
    assert points.min() >= 0
    assert points.max() <= 1


@pytest.mark.parametrize("expected", [[0.5, 0.5, 0.5], [0.9, 0.5, 0.1]])
def test_it_is_level_where_more_confidence_does_not_mean_a_better_outline(expected):
    found = line(Samples(np.array(expected), np.array([0.3, 0.5, 0.7]), np.arange(3.0)))
    assert found == ((0.0, 0.5), (1.0, 0.5))


def test_cross_fitted_confidences_are_right_on_average_and_rank_bad_slices_first():
    table = drawn()
    confidence = cross_fitted(table)
    assert calibration_error(confidence, table.dice) < 0.05
    assert calibration_error(table.expected, table.dice) > 0.15
    assert all(abs(mean - true) < 0.1 for mean, true, count in reliability(confidence, table.dice) if count > 10)
    assert auroc(confidence, table.dice < 0.5) > 0.9
    difference, low, high = flagged_difference(table, confidence)
    assert 0.2 < low < difference < high


def test_no_patient_is_in_the_line_that_reads_his_slices():
    table = drawn(30)
    wild = Samples(table.expected, np.where(table.patient == 0, 1.0 - table.dice, table.dice), table.patient)
    mine = table.patient == 0
    assert np.array_equal(cross_fitted(table)[mine], cross_fitted(wild)[mine])


def test_auroc_counts_equal_confidences_half_and_needs_both_kinds():
    assert auroc(np.array([0.1, 0.5, 0.5, 0.9]), np.array([True, True, False, False])) == pytest.approx(7 / 8)
    assert np.isnan(auroc(np.array([0.1, 0.2]), np.array([False, False])))


def test_samples_are_the_slices_with_an_outline_and_their_true_dice():
    table = samples([result("case1", 0.8, 0), result("case2", 0.4, 10)], "stomach")
    assert table.expected.tolist() == [0.8] * 4 + [0.4] * 4
    assert table.dice[:4].tolist() == [1.0] * 4
    assert table.dice[4:] == pytest.approx(2 * 10 / (10 + 20))
    assert len(set(table.patient)) == 2


def test_a_calibration_is_valid_on_a_card_and_needs_enough_slices():
    many = [result(f"case{number}", 0.9 - number / 20, 1 + 2 * number) for number in range(10)]
    found = calibration(many)
    assert set(found) == {"stomach", "small_bowel", "large_bowel", WHOLE}
    facts = card("segmenter", "gut-unet", "1", "").model_dump() | {"calibration": found}
    assert ModelCard.model_validate(facts).calibration == found
    assert calibration(many[:4]) == {}, "16 slices say too little"
    assert "Confidence → Dice" in calibration_report(many)


@pytest.mark.parametrize(
    "points", [((0.0, 0.0),), ((0.0, 0.5), (1.0, 0.4)), ((0.5, 0.1), (0.5, 0.2)), ((0.0, 0.0), (1.0, 2.0))]
)
def test_a_card_refuses_a_calibration_that_falls_or_leaves_0_to_1(points):
    with pytest.raises(ValueError, match="calibration"):
        ModelCard.model_validate(card("segmenter", "gut-unet", "1", "").model_dump() | {"calibration": {WHOLE: points}})
