"""The card says what nnU-Net's plans say; what can't be served is refused by its name."""

import json
from pathlib import Path

import pytest

from shared.errors import ModelError
from shared.imaging.volume_input import Resampling, VolumeInput
from shared.models.card import load_card
from training.nnunet.plans import labels_of, read_facts, read_plans, volume_input

RECORDED = Path(__file__).parents[2] / "services" / "recorded" / "nnunet"
CONFIGURATIONS = {"CT": "3d_fullres", "MR": "3d_fullres", "Regions": "3d_fullres", "Pair": "2d"}


@pytest.fixture
def folder(tmp_path):
    """Plans of a real training, to be changed."""
    for name in ("plans.json", "dataset.json"):
        (tmp_path / name).write_bytes((RECORDED / "MR" / name).read_bytes())
    return tmp_path


def change(folder, name="plans.json", **facts):
    content = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps(content | facts))


def configure(folder, **facts):
    """Change the configuration 3d_fullres of the plans."""
    content = json.loads((folder / "plans.json").read_text())
    content["configurations"]["3d_fullres"] |= facts
    (folder / "plans.json").write_text(json.dumps(content))


@pytest.mark.parametrize("case", CONFIGURATIONS)
def test_real_plans_give_the_recorded_card(case):
    card = load_card(RECORDED / case / "card.json")
    assert isinstance(card.input, VolumeInput)
    plans = read_plans(RECORDED / case, CONFIGURATIONS[case])
    assert volume_input(plans, card.input.mirror_axes, False) == card.input
    assert labels_of(plans.dataset, {}) == (card.labels, card.regions)


def test_anisotropic_plans_keep_their_order_of_axes_and_the_mask(folder):
    spec = volume_input(read_plans(folder, "3d_fullres"), (0, 1, 2), True)
    assert spec.transpose == (1, 0, 2)
    assert spec.mirroring
    assert spec.channels[0].normalisation.within_mask
    assert spec.resampling == Resampling(order=3, order_z=0)


def test_a_configuration_inherits_from_another(folder):
    content = json.loads((folder / "plans.json").read_text())
    content["configurations"]["mine"] = {"inherits_from": "3d_fullres", "patch_size": [8, 16, 16]}
    (folder / "plans.json").write_text(json.dumps(content))
    spec = volume_input(read_plans(folder, "mine"), (), False)
    assert spec.patch == (8, 16, 16)
    assert spec.spacing[0] == 5.0


def test_linear_resampling_by_torch_is_order_1_and_the_nearest_plane(folder):
    configure(folder, resampling_fn_data="resample_torch_fornnunet", resampling_fn_data_kwargs={"is_seg": False})
    assert volume_input(read_plans(folder, "3d_fullres"), (), False).resampling == Resampling(order=1, order_z=0)


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"previous_stage": "3d_lowres"}, "second stage of a cascade"),
        ({"normalization_schemes": ["MyNormalization"]}, "MyNormalization is not known"),
        ({"preprocessor_name": "MyPreprocessor"}, "MyPreprocessor"),
        ({"resampling_fn_data": "no_resampling_data_or_seg_to_shape"}, "no_resampling_data_or_seg_to_shape"),
        ({"patch_size": [8, 8]}, "different numbers of axes"),
    ],
)
def test_a_configuration_that_cannot_be_served_is_refused(folder, facts, sentence):
    configure(folder, **facts)
    with pytest.raises(ModelError, match=sentence):
        volume_input(read_plans(folder, "3d_fullres"), (), False)


def test_other_plans_are_refused(folder):
    with pytest.raises(ModelError, match="no configuration 3d_cascade"):
        read_plans(folder, "3d_cascade")
    change(folder, image_reader_writer="NaturalImage2DIO")
    with pytest.raises(ModelError, match="NaturalImage2DIO"):
        volume_input(read_plans(folder, "3d_fullres"), (), False)
    (folder / "plans.json").write_text("[]")
    with pytest.raises(ModelError, match=r"plans\.json is not"):
        read_plans(folder, "3d_fullres")
    (folder / "plans.json").unlink()
    with pytest.raises(ModelError, match=r"no readable plans\.json"):
        read_plans(folder, "3d_fullres")


def test_a_region_has_the_id_that_its_place_in_the_order_says():
    dataset = {
        "labels": {"background": 0, "whole": [1, 2, 3], "core": [2, 3], "one": [3]},
        "regions_class_order": [1, 3, 2],
    }
    labels, regions = labels_of(dataset, {})
    assert regions == (1, 3, 2)
    assert [(label.id, label.name) for label in labels] == [(1, "whole"), (2, "one"), (3, "core")]
    with pytest.raises(ModelError, match="regions_class_order"):
        labels_of(dataset | {"regions_class_order": [1]}, {})


def test_the_ignored_label_is_no_label_and_more_than_255_are_refused():
    labels, _ = labels_of({"labels": {"background": 0, "liver": 1, "ignore": 2}}, {})
    assert [label.name for label in labels] == ["liver"]
    with pytest.raises(ModelError, match="less than or equal to 255"):
        labels_of({"labels": {f"part {number}": number for number in range(257)}}, {})


def test_names_titles_codes_and_colours_come_from_a_csv_file(tmp_path):
    path = tmp_path / "names.csv"
    path.write_text(
        "\ufeffname,title,snomed,modifier,colour\nleft kidney,Kidney (left),64033007,7771000,#e69f00\nspleen,,,,\n"
    )
    labels, _ = labels_of({"labels": {"background": 0, "left kidney": 1, "spleen": 2, "liver": 3}}, read_facts(path))
    assert (labels[0].title, labels[0].snomed, labels[0].colour) == ("Kidney (left)", "64033007", (230, 159, 0))
    assert labels[0].modifier == "7771000"
    assert (labels[1].title, labels[1].snomed) == ("", None)
    path.write_text("name,snomed\nliver,kidney\n")
    with pytest.raises(ModelError, match="snomed"):
        labels_of({"labels": {"liver": 1}}, read_facts(path))
    path.write_text("label\nliver\n")
    with pytest.raises(ModelError, match="needs a column `name`"):
        read_facts(path)
