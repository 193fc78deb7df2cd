"""The confidence of a slice is the Dice that its probabilities let expect, on the slices of the scan's own grid."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from services.segmenter.confidence import ExpectedDice
from services.segmenter.core import segment
from shared.imaging.geometry import Geometry, to_axial
from shared.models.card import Calibration
from shared.models.network import load_network
from tests.services.segmenter.test_core import blocks, every_slice, scan_of
from tests.support.tiny_models import by_brightness

AS_IT_IS: Calibration = {"slice": ((0.0, 0.0), (1.0, 1.0))}
HALF: Calibration = {"slice": ((0.0, 0.0), (1.0, 0.5)), "b": ((0.0, 0.2), (0.5, 0.2), (1.0, 1.0))}
GRID = to_axial(Geometry.from_spacing((3, 4, 4), (3.0, 1.0, 1.0), directions=(1, 1, -1)))


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    found = load_network(by_brightness(tmp_path_factory.mktemp("segmenter")))
    return replace(found, card=found.card.model_copy(update={"calibration": AS_IT_IS}))


def confidence_of(planes, labels, calibration=AS_IT_IS):
    expected = ExpectedDice(3, ("a", "b"))
    expected.add(1, np.asarray(planes, np.float32), np.asarray(labels, np.uint8))
    return expected.calibrated(calibration, GRID)


def test_it_is_the_mean_dice_over_truths_drawn_from_the_probabilities():
    rng = np.random.default_rng(0)
    plane = np.clip(rng.normal(0.5, 0.4, (1, 60, 60)), 0, 1)
    labels = (plane[0] > 0.5).astype(np.uint8)
    drawn = [rng.random((60, 60)) < plane[0] for _ in range(200)]
    dice = [2 * (truth & (labels == 1)).sum() / (truth.sum() + labels.sum()) for truth in drawn]
    expected = ExpectedDice(3, ("a",))
    expected.add(0, plane.astype(np.float32), labels)
    found = expected.calibrated(AS_IT_IS, GRID)
    assert found is not None
    assert found.organs["a"][0] == pytest.approx(np.mean(dice), abs=0.01)


def test_an_organ_without_an_outline_has_none_but_its_missing_pixels_count_for_the_slice():
    planes, labels = np.zeros((2, 4, 4)), np.zeros((4, 4))
    planes[0, :2], labels[:2], planes[1, 2:] = 1.0, 1, 0.25
    found = confidence_of(planes, labels)
    assert found.organs == {"a": (None, 1.0, None), "b": (None, None, None)}
    assert found.slices == (None, round(0.5 * (1.0 + 2 * 8 / (8 + 8 + 2)), 3), None)


def test_the_cards_calibration_is_read_by_organ_and_otherwise_as_for_the_slice():
    planes, labels = np.zeros((2, 4, 4)), np.zeros((4, 4))
    planes[0, :2], labels[:2], planes[1, 2:], labels[2:] = 1.0, 1, 1.0, 2
    found = confidence_of(planes, labels, HALF)
    assert (found.organs["a"][1], found.organs["b"][1], found.slices[1]) == (0.5, 1.0, 0.5)
    assert confidence_of(planes, labels, {}) is None


@pytest.mark.parametrize("axes", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, 1), (1, -1, -1), (-1, -1, -1)])
def test_it_is_numbered_as_the_scan_for_any_order_and_direction_of_axes(network, axes, signs):
    matrix = np.zeros((4, 4))
    matrix[3, 3] = 1.0
    for column, (axis, sign) in enumerate(zip(axes, signs, strict=True)):
        matrix[axis, column] = 1.5 * sign
    turn = to_axial(Geometry((64, 80, 96), matrix))
    lower = blocks(turn.target.shape)
    lower[: len(lower) // 2] = 0  # organs in the lower half of the patient only
    volume = scan_of(turn.undo(lower), matrix)
    found = segment(volume, every_slice(volume), network)
    assert found.confidence is not None
    others = tuple(axis for axis in range(3) if axis != found.confidence.axis)
    shown = (found.data > 0).any(axis=others)
    assert [value is not None for value in found.confidence.slices] == shown.tolist()
    for organ in found.organs:
        there = (found.data == organ.id).any(axis=others)
        assert [value is not None for value in found.confidence.organs[organ.name]] == there.tolist()


def test_a_model_without_a_calibration_has_no_confidence(network):
    volume = scan_of(blocks((4, 64, 64)), np.diag([1.5, 1.5, -3.0, 1.0]))
    plain = replace(network, card=network.card.model_copy(update={"calibration": {}}))
    assert segment(volume, every_slice(volume), plain).confidence is None
