"""A bundle's configuration becomes the input of a card; what a card can't say is refused by its name."""

import copy
import json
from typing import Any

import pytest
import yaml

from shared.errors import ModelError
from training.bundles.configuration import read_configuration
from training.bundles.mapping import volume_input

PLAIN: dict[str, Any] = {
    "image_key": "image",
    "pixdim": [1.5, 1.5, 2.0],
    "window": {"size": [96, 96, 64]},
    "device": "$torch.device('cuda:0')",
    "preprocessing": {
        "_target_": "Compose",
        "transforms": [
            {"_target_": "LoadImaged", "keys": "@image_key", "reader": "$monai.data.ITKReader()"},
            {"_target_": "EnsureChannelFirstd", "keys": "@image_key"},
            {"_target_": "Orientationd", "keys": "@image_key", "axcodes": "RAS"},
            {"_target_": "monai.transforms.SpacingD", "keys": "@image_key", "pixdim": "@pixdim", "mode": "bilinear"},
            {"_target_": "ScaleIntensityRanged", "keys": "image", "a_min": -57, "a_max": 164, "b_min": 0, "b_max": 1}
            | {"clip": True},
            {"_target_": "EnsureTyped", "keys": "@image_key", "device": "@device"},
        ],
    },
    "inferer": {"_target_": "SlidingWindowInferer", "roi_size": "@window#size", "sw_batch_size": 4, "overlap": 0.5},
    "postprocessing": {
        "_target_": "Compose",
        "transforms": [
            {"_target_": "Activationsd", "keys": "pred", "softmax": True},
            {"_target_": "Invertd", "keys": "pred", "transform": "@preprocessing", "nearest_interp": False},
            {"_target_": "AsDiscreted", "keys": "pred", "argmax": True},
            {"_target_": "SaveImaged", "keys": "pred", "output_dir": "$@bundle_root + '/eval'"},
        ],
    },
}
BEFORE, AFTER = ("preprocessing", "transforms"), ("postprocessing", "transforms")
SPACING, RANGE, ACTIVATION, INVERT, DISCRETE = 3, 4, 0, 1, 2


def bundle(folder, *changes, name="inference.json"):
    """A configuration with some places (a path of keys) set to other values; None takes one out."""
    content = copy.deepcopy(PLAIN)
    for path, value in changes:
        *way, last = path
        place = content
        for key in way:
            place = place[key]
        if value is None:
            del place[last]
        else:
            place[last] = value
    (folder / "configs").mkdir()
    text = json.dumps(content) if name.endswith("json") else yaml.safe_dump(content)
    (folder / "configs" / name).write_text(text)
    return read_configuration(folder)


@pytest.mark.parametrize("name", ["inference.json", "inference.yaml"])
def test_a_plain_bundle_is_the_input_of_a_card(tmp_path, name):
    spec, has_regions = volume_input(bundle(tmp_path, name=name), ["image"])
    assert not has_regions
    assert (spec.framework, spec.normalise, spec.output) == ("monai", "after", "probabilities")
    assert (spec.orientation, spec.transpose, spec.spacing) == ("RAS", (2, 1, 0), (1.5, 1.5, 2.0))
    assert (spec.patch, spec.step, spec.window_weights) == ((96, 96, 64), 0.5, "constant")
    how = spec.channels[0].normalisation
    assert (how.scheme, how.low, how.high, how.mean, how.std) == ("clip_z_score", -57.0, 164.0, -57.0, 221.0)
    assert not spec.crop_to_nonzero


def normaliser(name, **options):
    return {"_target_": name, "keys": "image", **options}


@pytest.mark.parametrize(
    ("step", "scheme", "values"),
    [
        (normaliser("NormalizeIntensityd"), "z_score", (False, None, None)),
        (normaliser("NormalizeIntensityd", nonzero=True), "z_score", (True, None, None)),
        (normaliser("NormalizeIntensityd", subtrahend=30, divisor=70.0), "linear", (False, 30.0, 70.0)),
        (normaliser("ScaleIntensityd"), "rescale", (False, None, None)),
        (normaliser("ScaleIntensityRanged", a_min=0, a_max=100, b_min=-1, b_max=1), "linear", (False, 50.0, 50.0)),
    ],
)
def test_each_normalisation_has_its_scheme(tmp_path, step, scheme, values):
    spec, _ = volume_input(bundle(tmp_path, ((*BEFORE, RANGE), step)), ["image"])
    how = spec.channels[0].normalisation
    assert how.scheme == scheme
    assert (how.within_mask, how.mean, how.std) == values


def test_what_is_resampled_follows_the_order_behind_the_network(tmp_path):
    steps = PLAIN["postprocessing"]["transforms"]
    nearest = steps[INVERT] | {"nearest_interp": True}
    for number, (order, output) in enumerate(
        {
            ("softmax", "invert", "argmax"): "probabilities",
            ("invert", "argmax"): "logits",
            ("softmax", "argmax", "nearest"): "labels",
            ("argmax",): "labels",
        }.items()
    ):
        parts = {"softmax": steps[0], "invert": steps[1], "argmax": steps[2], "nearest": nearest}
        folder = tmp_path / str(number)
        folder.mkdir()
        spec, _ = volume_input(bundle(folder, (AFTER, [parts[name] for name in order])), ["image"])
        assert spec.output == output


def test_a_sigmoid_with_a_threshold_is_a_region(tmp_path):
    changes = [((*AFTER, 0), {"_target_": "Activationsd", "sigmoid": True})]
    changes.append(((*AFTER, 2), {"_target_": "AsDiscreted", "threshold": 0.5}))
    spec, has_regions = volume_input(bundle(tmp_path, *changes), ["image"])
    assert has_regions
    assert spec.output == "probabilities"


REFUSED = {
    "Spacingd": (((*BEFORE, SPACING), None),),
    "Resized": (((*BEFORE, SPACING, "_target_"), "Resized"),),
    "CropForegroundd": (((*BEFORE, RANGE), normaliser("CropForegroundd", source_key="image")),),
    "ScaleIntensityRangePercentilesd": (((*BEFORE, RANGE, "_target_"), "ScaleIntensityRangePercentilesd"),),
    "pixdim in inference.json is a Python expression": ((("pixdim",), "$[1.5] * 3"),),
    "refers to nothing, which is not in it": ((("pixdim",), "@nothing"),),
    "refers to itself": ((("pixdim",), "@pixdim"),),
    "Spacingd with padding_mode zeros": (((*BEFORE, SPACING, "padding_mode"), "zeros"),),
    "Spacingd with three values": (((*BEFORE, SPACING, "pixdim"), [1.0]),),
    "normalises twice": (((*BEFORE, 2), normaliser("ScaleIntensityRanged", a_min=0, a_max=1, clip=True)),),
    "orientation": (((*BEFORE, 2, "axcodes"), "RRS"),),
    "ScaleIntensityd with maxv 255": (((*BEFORE, RANGE), normaliser("ScaleIntensityd", maxv=255)),),
    "a_max above a_min": (((*BEFORE, RANGE, "a_max"), -57),),
    "inferer SimpleInferer": ((("inferer", "_target_"), "SimpleInferer"),),
    "SlidingWindowInferer with padding_mode replicate": ((("inferer", "padding_mode"), "replicate"),),
    "three whole numbers above 0 as roi_size": ((("window", "size"), [96, -1, 96]),),
    "one number as overlap": ((("inferer", "overlap"), [0.5, 0.5, 0.25]),),
    "KeepLargestConnectedComponentd in postprocessing": (
        ((*AFTER, 3, "_target_"), "KeepLargestConnectedComponentd"),
    ),
    "no AsDiscreted": (((*AFTER, 2), None),),
    "AsDiscreted with threshold 0.3": (((*AFTER, 2, "threshold"), 0.3),),
    "mixes the numbers of labels": ((AFTER, [PLAIN["postprocessing"]["transforms"][n] for n in (0, 2, 1)]),),
    "no inferer": ((("inferer",), None),),
    "not a Compose": ((("preprocessing", "_target_"), "OneOf"),),
}  # fmt: skip


@pytest.mark.parametrize("sentence", REFUSED)
def test_what_a_card_cannot_say_is_refused_by_its_name(tmp_path, sentence):
    with pytest.raises(ModelError, match=sentence):
        volume_input(bundle(tmp_path, *REFUSED[sentence]), ["image"])


def test_several_channels_normalised_together_are_refused(tmp_path):
    with pytest.raises(ModelError, match="several channels together"):
        volume_input(bundle(tmp_path, ((*BEFORE, RANGE), normaliser("NormalizeIntensityd"))), ["T1", "T2"])


def test_a_disabled_transform_is_left_out(tmp_path):
    crop = normaliser("CropForegroundd", source_key="image", _disabled_=True)
    spec, _ = volume_input(bundle(tmp_path, ((*BEFORE, 1), crop)), ["image"])
    assert spec.spacing == (1.5, 1.5, 2.0)


@pytest.mark.parametrize(("name", "text"), [("inference.json", "{"), ("inference.yaml", "- 1"), ("other.json", "{}")])
def test_a_configuration_that_cannot_be_read_is_one_sentence(tmp_path, name, text):
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / name).write_text(text)
    with pytest.raises(ModelError, match="bundle"):
        read_configuration(tmp_path)
