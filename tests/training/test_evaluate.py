"""Evaluation against cases computed by hand, through real (tiny) networks."""

import numpy as np
import pytest

from shared.models.network import load_network
from tests.support.tiny_models import by_brightness, by_presence
from training.cases import UNKNOWN, Case
from training.evaluate import Judged, confusion, gate_curve, judge, summary
from training.report import _organs


def case_of(labels: np.ndarray, name: str = "case1_day0", kind: str = "volume") -> Case:
    levels = np.array([0, 1000, 2000, 3000])
    data = levels[np.where(labels == UNKNOWN, 0, labels)].astype(np.uint16)
    return Case(name, name.split("_", maxsplit=1)[0], kind, "MR", (3.0, 1.5, 1.5), data, labels)


def blocks(slices: int = 6) -> np.ndarray:
    labels = np.zeros((slices, 96, 96), dtype=np.uint8)
    labels[2:, 20:40, 20:40], labels[2:, 50:70, 20:40], labels[2:, 20:70, 60:80] = 1, 2, 3
    return labels


def scored(scores: list[float], shown: list[bool]) -> Judged:
    labels = np.zeros((len(scores), 4, 4), dtype=np.uint8)
    labels[np.array(shown), 1, 1] = 2
    return Judged(case_of(labels), np.array(scores, dtype=np.float32)[:, None], labels.copy())


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pair")
    return load_network(by_presence(folder / "gate")), load_network(by_brightness(folder / "segmenter"))


def test_a_perfect_pair_scores_one_everywhere(pair):
    judged = judge(case_of(blocks()), *pair)
    for figures in judged.figures.values():
        assert figures["dice"] == figures["organ_slice_dice"] == pytest.approx(1.0)
        assert figures["hd95_mm"] == figures["mean_mm"] == 0.0
        assert figures["competition"] == pytest.approx(1.0)
    assert gate_curve([judged]).area == 1.0


def test_what_is_unknown_counts_neither_for_nor_against(pair):
    labels = blocks()
    truth = labels.copy()
    truth[4:] = UNKNOWN
    case = case_of(labels)
    judged = judge(Case(case.name, case.patient, case.kind, case.modality, case.spacing, case.data, truth), *pair)
    assert judged.figures["stomach"]["dice"] == pytest.approx(1.0)


def test_an_organ_that_a_single_slice_does_not_show_has_no_dice(pair):
    labels = blocks()[3:4].copy()
    labels[labels == 1] = 0
    judged = judge(case_of(labels, kind="slices"), *pair)
    assert np.isnan(judged.figures["stomach"]["dice"])


def test_the_curve_of_the_gate_by_hand():
    # From above: organ, organ, none, organ, none. Area: of 3 x 2 pairs, 5 are in the right order.
    curve = gate_curve([scored([0.9, 0.8, 0.6, 0.4, 0.1], [True, True, False, True, False])])
    assert curve.recall.tolist() == pytest.approx([1 / 3, 2 / 3, 2 / 3, 1, 1])
    assert curve.false_positives.tolist() == pytest.approx([0, 0, 0.5, 0.5, 1])
    assert curve.area == pytest.approx(5 / 6)


def test_equal_scores_pass_together():
    curve = gate_curve([scored([0.5, 0.5, 0.5, 0.5], [True, False, True, False])])
    assert (curve.recall.tolist(), curve.false_positives.tolist()) == ([1.0], [1.0])
    assert curve.area == pytest.approx(0.5)


def test_confusion_counts_voxels_of_slices_that_show_an_organ():
    judged = scored([1.0, 0.0], [True, False])
    judged.found[:] = 3
    counts = confusion([judged])
    assert counts[2, 3] == 1
    assert counts[0, 3] == 15
    assert counts.sum() == 16


def test_means_are_taken_within_patients_first():
    each = []
    for name, value in (("case1_day0", 0.2), ("case1_day5", 0.4), ("case2_day0", 0.9)):
        labels = blocks()
        one = Judged(case_of(labels, name), np.ones((6, 3), dtype=np.float32), labels)
        one.figures.update({organ: {"dice": value} for organ in ("stomach", "small_bowel", "large_bowel")})
        each.append(one)
    assert summary(each)["stomach"]["dice"][0] == pytest.approx((0.3 + 0.9) / 2)


def test_the_report_tells_each_organs_dice(pair):
    assert "| stomach | 1.000" in "\n".join(_organs([judge(case_of(blocks()), *pair)]))
