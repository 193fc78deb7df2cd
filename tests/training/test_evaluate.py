"""Evaluation against cases computed by hand, through real (tiny) networks."""

import numpy as np
import pytest

from services.classifier.core import classify
from services.segmenter import core
from services.segmenter.core import segment
from shared.imaging.phantoms import abdomen
from shared.imaging.volume import SliceScores
from shared.models.network import load_network
from shared.models.registry import SERVICES
from tests.support.scans import small_grid
from tests.support.tiny_models import by_brightness, by_presence
from training.dataset.cases import IGNORE, Case, Kind
from training.evaluate import MEAN, CaseResult, confusion, evaluate_case, roc_curve, summary
from training.report import _organs


def case_of(labels: np.ndarray, name: str = "case1_day0", kind: Kind = "volume") -> Case:
    levels = np.array([0, 1000, 2000, 3000])
    data = levels[np.where(labels == IGNORE, 0, labels)].astype(np.uint16)
    return Case(name, name.split("_", maxsplit=1)[0], kind, "MR", (3.0, 1.5, 1.5), data, labels)


def blocks(slices: int = 6) -> np.ndarray:
    labels = np.zeros((slices, 96, 96), dtype=np.uint8)
    labels[2:, 20:40, 20:40], labels[2:, 50:70, 20:40], labels[2:, 20:70, 60:80] = 1, 2, 3
    return labels


def scores_of(best: list[float]) -> SliceScores:
    scores = np.array(best, dtype=np.float32)[:, None]
    return SliceScores(scores, np.ones(len(best), dtype=bool))


def scored(scores: list[float], shown: list[bool]) -> CaseResult:
    labels = np.zeros((len(scores), 4, 4), dtype=np.uint8)
    labels[np.array(shown), 1, 1] = 2
    return CaseResult(case_of(labels), scores_of(scores), labels.copy())


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pair")
    return load_network(by_presence(folder / "classifier")), load_network(by_brightness(folder / "segmenter"))


def test_a_perfect_pair_scores_one_everywhere(pair):
    result = evaluate_case(case_of(blocks()), *pair)
    for figures in result.figures.values():
        assert figures["dice"] == figures["organ_slice_dice"] == pytest.approx(1.0)
        assert figures["hd95_mm"] == figures["mean_mm"] == 0.0
        assert figures["competition"] == pytest.approx(1.0)
    assert roc_curve([result]).area == 1.0


def test_what_is_unknown_counts_neither_for_nor_against(pair):
    labels = blocks()
    reference = labels.copy()
    reference[4:] = IGNORE
    case = case_of(labels)
    result = evaluate_case(
        Case(case.name, case.patient, case.kind, case.modality, case.spacing, case.data, reference), *pair
    )
    assert result.figures["stomach"]["dice"] == pytest.approx(1.0)


def test_an_organ_that_a_single_slice_does_not_show_has_no_dice(pair):
    labels = blocks()[3:4].copy()
    labels[labels == 1] = 0
    result = evaluate_case(case_of(labels, kind="slices"), *pair)
    assert np.isnan(result.figures["stomach"]["dice"])


def test_the_roc_curve_by_hand():
    # From above: organ, organ, none, organ, none. Area: of 3 x 2 pairs, 5 are in the right order.
    curve = roc_curve([scored([0.9, 0.8, 0.6, 0.4, 0.1], [True, True, False, True, False])])
    assert curve.recall.tolist() == pytest.approx([1 / 3, 2 / 3, 2 / 3, 1, 1])
    assert curve.false_positives.tolist() == pytest.approx([0, 0, 0.5, 0.5, 1])
    assert curve.area == pytest.approx(5 / 6)


def test_equal_scores_pass_together():
    curve = roc_curve([scored([0.5, 0.5, 0.5, 0.5], [True, False, True, False])])
    assert (curve.recall.tolist(), curve.false_positives.tolist()) == ([1.0], [1.0])
    assert curve.area == pytest.approx(0.5)


def test_confusion_counts_voxels_of_slices_that_show_an_organ():
    result = scored([1.0, 0.0], [True, False])
    result.predicted[:] = 3
    counts = confusion([result])
    assert counts[2, 3] == 1
    assert counts[0, 3] == 15
    assert counts.sum() == 16


def test_the_predicted_labels_are_those_of_both_stages(pair):
    phantom = abdomen(small_grid())
    volume, reference = phantom.volume, phantom.labels.data
    case = Case("phantom", "phantom", "volume", "MR", volume.geometry.spacing, volume.data, reference)
    product = segment(volume, classify(volume, pair[0]), pair[1]).data
    assert len(np.unique(product)) > 1
    assert np.array_equal(evaluate_case(case, *pair).predicted, product)


def test_the_shipped_pair_is_measured_with_all_that_its_stages_do():
    pair = load_network(SERVICES / "classifier"), load_network(SERVICES / "segmenter")
    phantom = abdomen(seed=3)
    volume, reference = phantom.volume, phantom.labels.data
    case = Case("phantom", "phantom", "volume", "MR", volume.geometry.spacing, volume.data, reference)
    scores = classify(volume, pair[0])
    result = evaluate_case(case, *pair)
    assert np.array_equal(result.scores.keep, scores.keep)
    assert np.array_equal(result.predicted, segment(volume, scores, pair[1]).data)


def test_a_change_of_the_segmenter_stage_shows_in_the_figures(pair, monkeypatch):
    labels = blocks()
    case = case_of(labels)
    case.data[3:6, 43:47, 28:32] = 1000  # a speck of 0.3 mL with the stomach's grey level, which `tidy` removes
    cleaned = evaluate_case(case, *pair)
    monkeypatch.setattr(core, "tidy", lambda labels, spacing: labels)
    raw = evaluate_case(case, *pair)
    assert cleaned.figures["stomach"]["dice"] == pytest.approx(1.0)
    assert raw.figures["stomach"]["dice"] < 0.999


def test_unrelated_slices_are_run_one_by_one(pair):
    slices = [case_of(blocks()[3:4].copy(), kind="slices"), case_of(blocks()[:1].copy(), kind="slices")]
    data, labels = (np.concatenate([getattr(single, name) for single in slices]) for name in ("data", "labels"))
    together = evaluate_case(Case("case1", "case1", "slices", "MR", (3.0, 1.5, 1.5), data, labels), *pair)
    for index, single in enumerate(slices):
        alone = evaluate_case(single, *pair)
        assert np.array_equal(together.predicted[index], alone.predicted[0])
        assert np.array_equal(together.scores.scores[index], alone.scores.scores[0])
        assert together.scores.keep[index] == alone.scores.keep[0]
    assert not together.scores.keep[1], "the slice beside is another patient's"


def test_a_threshold_of_zero_is_a_threshold(tmp_path):
    card = load_network(by_presence(tmp_path, threshold=0.0)).card
    assert card.decision_threshold == 0.0
    assert card.model_copy(update={"threshold": None}).decision_threshold == 0.5


def test_means_are_taken_within_patients_first():
    each = []
    for name, value in (("case1_day0", 0.2), ("case1_day5", 0.4), ("case2_day0", 0.9)):
        labels = blocks()
        result = CaseResult(case_of(labels, name), scores_of([1.0] * 6), labels)
        result.figures.update({organ: {"dice": value} for organ in ("stomach", "small_bowel", "large_bowel")})
        each.append(result)
    assert summary(each)["stomach"]["dice"][0] == pytest.approx((0.3 + 0.9) / 2)
    assert summary(each)[MEAN]["dice"][0] == pytest.approx((0.3 + 0.9) / 2)


def test_the_report_tells_each_organs_dice(pair):
    assert "| stomach | 1.000" in "\n".join(_organs([evaluate_case(case_of(blocks()), *pair)]))
