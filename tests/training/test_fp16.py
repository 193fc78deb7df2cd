"""The fp16 variant is a model of its own: half the bytes, its own checksum, and its loss on its card."""

import numpy as np
import onnx
import pytest

from services.segmenter.core import segment
from shared.imaging.phantoms import abdomen
from shared.imaging.volume import SliceScores
from shared.models.card import CARD, load_card
from shared.models.network import load_network
from shared.models.registry import SERVICES
from tests.support.scans import small_grid
from tests.support.tiny_models import by_brightness, by_presence
from tests.training.test_evaluate import blocks, case_of
from training.dataset.cases import Case
from training.export.fp16 import convert_to_fp16


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    return by_presence(tmp_path_factory.mktemp("classifier"))


def test_the_loss_of_a_segmenter_is_on_its_card(classifier, tmp_path):
    card = convert_to_fp16(by_brightness(tmp_path / "fp32"), tmp_path / "fp16", classifier, [case_of(blocks())])
    assert card == load_card(tmp_path / "fp16" / CARD)
    assert card.version == "1-fp16"
    assert card.metrics["fp16_measured_on"] == "case1_day0"
    assert card.metrics["fp16_dice_stomach"] == pytest.approx(1.0)
    assert card.metrics["fp16_dice_loss_small_bowel"] == pytest.approx(0.0, abs=1e-6)
    assert load_network(tmp_path / "fp16").card.sha256 != load_network(tmp_path / "fp32").card.sha256


def test_the_loss_of_a_classifier_is_on_its_card(classifier, tmp_path):
    card = convert_to_fp16(classifier, tmp_path / "fp16", classifier, [case_of(blocks())])
    assert card.metrics["fp16_slices_judged_otherwise"] == 0
    assert 0.0 <= float(card.metrics["fp16_score_difference"]) < 1e-3


def test_the_shipped_segmenter_in_fp16_outlines_the_same(tmp_path, classifier):
    phantom = abdomen(small_grid())
    volume, spacing = phantom.volume, phantom.volume.geometry.spacing
    case = Case("phantom", "phantom", "volume", "MR", spacing, volume.data.astype(np.uint16), phantom.labels.data)
    card = convert_to_fp16(SERVICES / "segmenter", tmp_path, classifier, [case])
    assert abs(float(card.metrics["fp16_dice_loss_large_bowel"])) < 0.01
    whole = (SERVICES / "segmenter" / card.weights).stat().st_size
    assert (tmp_path / card.weights).stat().st_size < 0.6 * whole
    kinds = {
        weight.data_type for weight in onnx.load(tmp_path / card.weights).graph.initializer if len(weight.dims) == 4
    }
    assert kinds == {onnx.TensorProto.FLOAT16}
    slices = len(volume.data)
    scores = SliceScores(np.ones((slices, 3), dtype=np.float32), np.ones(slices, dtype=bool))
    first, second = (segment(volume, scores, load_network(at)).data for at in (SERVICES / "segmenter", tmp_path))
    outlined = ((first > 0) | (second > 0)).sum()
    assert outlined > 100
    assert (first != second).sum() <= 0.01 * outlined


def test_without_cases_nothing_is_made(classifier, tmp_path):
    with pytest.raises(SystemExit, match="no labelled cases"):
        convert_to_fp16(classifier, tmp_path / "fp16", classifier, [])
    assert not (tmp_path / "fp16").exists()
