"""A card that is not as it should be is refused with a sentence."""

import json

import pytest
from pydantic import ValidationError

from shared.errors import ModelError
from shared.imaging.structures import find
from shared.imaging.volume import ORGANS
from shared.models.card import Label, load_card, save_card
from tests.support.tiny_models import tiny_card
from tests.support.volume_models import volume_card, volume_spec


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


def test_a_card_from_before_there_were_kinds_reads_slices(tmp_path):
    facts = json.loads(tiny_card("segmenter").model_dump_json())
    assert facts["input"].pop("kind") == "slices"
    (tmp_path / "card.json").write_text(json.dumps(facts))
    card = load_card(tmp_path / "card.json")
    assert card == tiny_card("segmenter")
    assert card.organs == ORGANS


def test_a_card_of_a_model_that_reads_volumes_is_read_back_unchanged(tmp_path):
    card = volume_card(
        volume_spec(), other_folds=({"weights": "fold_1.onnx", "sha256": "1" * 64},), modalities=("CT",), labels=3
    )
    save_card(card, tmp_path / "card.json")
    assert load_card(tmp_path / "card.json") == card
    assert [file.weights for file in card.files] == ["model.onnx", "fold_1.onnx"]
    assert card.outputs == 4
    with pytest.raises(ModelError, match="reads volumes"):
        _ = card.slices


def test_regions_have_no_output_for_the_background():
    assert volume_card(volume_spec(), labels=3, regions=(3, 1, 2)).outputs == 3


def test_a_model_is_known_by_all_its_folds():
    one = volume_card(volume_spec())
    two, three = (
        volume_card(volume_spec(), other_folds=tuple({"weights": "f.onnx", "sha256": digit * 64} for digit in digits))
        for digits in ("1", "12")
    )
    assert one.identity == one.sha256
    assert len({one.identity, two.identity, three.identity}) == 3


def test_labels_become_organs_with_what_the_card_says():
    labels = (
        {"id": 2, "name": "left kidney", "title": "Kidney (left)", "snomed": "64033007", "colour": (1, 2, 3)},
        {"id": 1, "name": "stomach"},
        {"id": 3, "name": "left kidney"},
        {"id": 4, "name": "left part"},
    )
    stomach, kidney, other, unknown = volume_card(volume_spec(), label_table=labels).organs
    assert stomach == ORGANS[0]
    assert (kidney.name, kidney.title, kidney.snomed, kidney.colour) == (
        "left_kidney",
        "Kidney (left)",
        "64033007",
        (1, 2, 3),
    )
    assert other.name == "left_kidney_3"
    assert (other.title, other.snomed, other.modifier) == ("Left kidney 3", "64033007", "7771000")
    assert (unknown.name, unknown.snomed, unknown.category) == ("left_part", None, None)


@pytest.mark.parametrize("name", ["left_kidney", "kidney_left", "Left Kidney"])
def test_a_label_without_a_code_gets_those_of_the_structure_with_its_name(name):
    organ = Label(id=7, name=name).organ()
    assert (organ.id, organ.title, organ.snomed, organ.meaning) == (7, "Left kidney", "64033007", "Kidney")
    assert (organ.category, organ.modifier, organ.region) == ("123037004", "7771000", None)
    assert organ.colour == find("kidney_left").colour
    assert Label(id=7, name=name, colour=(1, 2, 3)).organ().colour == (1, 2, 3)


def test_what_a_label_says_counts_more_than_the_table():
    same = Label(id=1, name="kidney_left", title="Niere", snomed="64033007", region="22943007").organ()
    assert (same.title, same.modifier, same.region, same.meaning) == ("Niere", "7771000", "22943007", "Kidney")
    other = Label(id=1, name="kidney_left", snomed="18639004").organ()
    assert (other.snomed, other.category, other.modifier, other.meaning) == ("18639004", None, None, "")


def test_a_completed_label_says_what_the_table_knows_and_is_the_same_organ():
    for label in (Label(id=1, name="liver tumor"), Label(id=2, name="kidney_left", snomed="18639004")):
        completed = label.completed()
        assert completed.title
        assert completed.colour == find(label.name).colour
        assert completed.organ() == label.organ()
    assert Label(id=1, name="liver tumor").completed().region == "10200004"
    assert Label(id=3, name="part").completed() == Label(id=3, name="part")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"labels": ["a", "b"]}, "need an id each"),
        ({"labels": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]}, "all different"),
        ({"labels": [{"id": 2, "name": "a"}, {"id": 3, "name": "b"}]}, "must be 1, 2, 3"),
        ({"labels": [{"id": 256, "name": "a"}]}, "less than or equal to 255"),
        ({"labels": [{"id": 1, "name": "a", "snomed": "kidney"}]}, "snomed"),
        ({"regions": [1, 1]}, "regions"),
        ({"stage": "classifier"}, "only a segmenter"),
        ({"input": {"transpose": [0, 0, 1]}}, "not an order"),
        ({"input": {"patch": [8, 8]}}, "different numbers of axes"),
        ({"input": {"mirror_axes": [3]}}, "does not have"),
        ({"input": {"output_resampling": {"order": 3}}}, "order 0 or 1"),
        ({"input": {"channels": [{"name": "a", "normalisation": {"scheme": "clip_z_score"}}]}}, "needs low"),
        ({"input": {"kind": "movies"}}, "kind"),
    ],
)
def test_a_card_of_volumes_that_contradicts_itself_is_refused(tmp_path, change, sentence):
    facts = json.loads(volume_card(volume_spec()).model_dump_json())
    facts |= change | {"input": facts["input"] | change.get("input", {})}
    (tmp_path / "card.json").write_text(json.dumps(facts))
    with pytest.raises(ModelError, match=sentence):
        load_card(tmp_path / "card.json")


def test_a_card_of_slices_has_no_regions_and_no_folds():
    for more in ({"regions": (1, 2, 3)}, {"other_folds": ({"weights": "b.onnx", "sha256": "1" * 64},)}):
        with pytest.raises(ValidationError, match="reads slices"):
            tiny_card("segmenter", **more)
