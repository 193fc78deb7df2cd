"""A card that is not as it should be is refused with a sentence."""

import json

import pytest

from shared.errors import ModelError
from shared.models.card import load_card, save_card
from tests.support.tiny_models import tiny_card


def test_a_saved_card_is_read_back_unchanged(tmp_path):
    card = tiny_card("segmenter", metrics={"dice": 0.8}, limits=("few patients",))
    save_card(card, tmp_path / "card.json")
    assert load_card(tmp_path / "card.json") == card


def test_a_missing_card_is_refused(tmp_path):
    with pytest.raises(ModelError, match="no readable card"):
        load_card(tmp_path / "card.json")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"sha256": "not a checksum"}, "sha256"),
        ({"stage": "oracle"}, "stage"),
        ({"weights": "../elsewhere.onnx"}, "weights"),
        ({"labels": []}, "labels"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_card_with_a_wrong_field_is_refused_by_its_name(tmp_path, change, sentence):
    facts = json.loads(tiny_card("segmenter").model_dump_json()) | change
    (tmp_path / "card.json").write_text(json.dumps(facts))
    with pytest.raises(ModelError, match=sentence):
        load_card(tmp_path / "card.json")


def test_a_card_that_is_no_json_is_refused(tmp_path):
    (tmp_path / "card.json").write_text("weights = here")
    with pytest.raises(ModelError, match="not valid"):
        load_card(tmp_path / "card.json")


def test_a_segmenter_answers_one_class_more_than_it_has_labels():
    assert tiny_card("segmenter").outputs == 4
    assert tiny_card("classifier").outputs == 3
