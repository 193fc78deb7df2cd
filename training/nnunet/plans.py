"""Reads what nnU-Net wrote about a training: plans.json and dataset.json, as the card of a model needs it."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from shared.errors import ModelError
from shared.imaging.volume_input import Channel, ChannelNormalisation, Resampling, VolumeInput
from shared.models.card import Label

_SCHEMES = {
    "CTNormalization": "clip_z_score",
    "ZScoreNormalization": "z_score",
    "RescaleTo01Normalization": "rescale",
    "NoNormalization": "none",
}
_READERS: dict[str, Literal["stored", "RAS"]] = {
    "SimpleITKIO": "stored",
    "NibabelIO": "stored",
    "SimpleITKIOWithReorient": "RAS",
    "NibabelIOWithReorient": "RAS",
}
_RESAMPLING = ("resample_data_or_seg_to_shape", "resample_torch_fornnunet")


@dataclass(frozen=True, slots=True)
class Plans:
    """One configuration of a training: the plans of all, its own part of them, and the description of the data."""

    plans: dict[str, Any]
    configuration: dict[str, Any]
    dataset: dict[str, Any]
    name: str


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file.

    Raises ModelError with one sentence where there is none.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"There is no readable {path.name} in nnU-Net's folder.") from error
    if not isinstance(content, dict):
        raise ModelError(f"{path.name} is not nnU-Net's.")
    return content


def read_plans(folder: Path, name: str) -> Plans:
    """Return the configuration `name` of a trained model's folder.

    Raises ModelError for a configuration that can't be converted, with the reason.
    """
    plans = read_json(folder / "plans.json")
    configuration = _inherited(plans.get("configurations", {}), name)
    if configuration.get("previous_stage"):
        raise ModelError(f"{name} is the second stage of a cascade; only models of one stage can be converted.")
    preprocessor = configuration.get("preprocessor_name", "DefaultPreprocessor")
    if preprocessor != "DefaultPreprocessor":
        raise ModelError(f"The training used the preprocessor {preprocessor}; only DefaultPreprocessor is known.")
    return Plans(plans, configuration, read_json(folder / "dataset.json"), name)


def _inherited(configurations: dict[str, Any], name: str, depth: int = 0) -> dict[str, Any]:
    """Return a configuration with the values that it inherits."""
    if name not in configurations or depth > len(configurations):
        raise ModelError(f"plans.json has no configuration {name}.")
    own: dict[str, Any] = configurations[name]
    if "inherits_from" not in own:
        return own
    return _inherited(configurations, own["inherits_from"], depth + 1) | own


def volume_input(plans: Plans, mirror_axes: tuple[int, ...], mirroring: bool) -> VolumeInput:
    """Return how the network wants its input.

    Raises ModelError for a scheme of normalisation, a reader or a resampling that is not known, by its name.
    """
    reader = plans.plans.get("image_reader_writer", "SimpleITKIO")
    if reader not in _READERS:
        raise ModelError(f"The training read its images with {reader}; scans are read as {', '.join(_READERS)} do.")
    configuration = plans.configuration
    try:
        return VolumeInput(
            channels=_channels(plans),
            orientation=_READERS[reader],
            transpose=tuple(plans.plans["transpose_forward"]),
            spacing=tuple(configuration["spacing"]),
            resampling=_resampling(configuration, "resampling_fn_data"),
            patch=tuple(configuration["patch_size"]),
            mirror_axes=mirror_axes,
            mirroring=mirroring,
            output_resampling=_resampling(configuration, "resampling_fn_probabilities"),
        )
    except (KeyError, ValidationError) as error:
        raise ModelError(f"plans.json is not complete or not valid: {_reason(error)}.") from error


def _reason(error: KeyError | ValidationError) -> str:
    if isinstance(error, KeyError):
        return f"{error.args[0]} is missing"
    first = error.errors()[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"


def _channels(plans: Plans) -> tuple[Channel, ...]:
    names = plans.dataset.get("channel_names") or plans.dataset.get("modality") or {}
    statistics = plans.plans.get("foreground_intensity_properties_per_channel", {})
    masks = plans.configuration["use_mask_for_norm"]
    channels = []
    for number, scheme in enumerate(plans.configuration["normalization_schemes"]):
        if scheme not in _SCHEMES:
            raise ModelError(f"The normalisation {scheme} is not known; known are {', '.join(_SCHEMES)}.")
        known = statistics.get(str(number), {}) if scheme == "CTNormalization" else {}
        normalisation = ChannelNormalisation(
            scheme=_SCHEMES[scheme],
            within_mask=scheme == "ZScoreNormalization" and bool(masks[number]),
            low=known.get("percentile_00_5"),
            high=known.get("percentile_99_5"),
            mean=known.get("mean"),
            std=known.get("std"),
        )
        channels.append(Channel(name=str(names.get(str(number), number)), normalisation=normalisation))
    return tuple(channels)


def _resampling(configuration: dict[str, Any], kind: str) -> Resampling:
    function, options = configuration[kind], configuration[f"{kind}_kwargs"]
    if function not in _RESAMPLING:
        raise ModelError(f"The resampling {function} is not known; known are {', '.join(_RESAMPLING)}.")
    separate = options.get("force_separate_z")
    if function == "resample_torch_fornnunet":  # linear, and the nearest plane along the coarsest axis
        return Resampling(order=1, order_z=0, separate_z=separate)
    return Resampling(order=options["order"], order_z=options["order_z"], separate_z=separate)


def labels_of(dataset: dict[str, Any], facts: dict[str, dict[str, str]]) -> tuple[tuple[Label, ...], tuple[int, ...]]:
    """Return the labels of a data set, and the ids of its regions in the order of the network's outputs.

    `facts` has what is known about labels beyond their name; see `read_facts`. Raises ModelError for labels that can't
    be served.
    """
    table = {name: value for name, value in dataset.get("labels", {}).items() if name != "ignore"}
    values = {name: value[0] if isinstance(value, list) and len(value) == 1 else value for name, value in table.items()}
    ids = {name: value for name, value in values.items() if value != 0}
    regions: tuple[int, ...] = ()
    if any(isinstance(value, list) for value in ids.values()):
        regions = tuple(dataset.get("regions_class_order") or ())
        if len(regions) != len(ids):
            raise ModelError("dataset.json needs regions_class_order with one id per region.")
        ids = dict(zip(ids, regions, strict=True))
    try:
        labels = [Label(id=value, name=name, **_facts(facts, name)) for name, value in ids.items()]
    except ValidationError as error:
        raise ModelError(f"A label of dataset.json can't be served: {_reason(error)}.") from error
    return tuple(sorted(labels, key=lambda label: label.id)), regions


def _facts(facts: dict[str, dict[str, str]], name: str) -> dict[str, Any]:
    known: dict[str, Any] = {key: value for key, value in facts.get(name, {}).items() if value}
    if "colour" in known:
        text = known["colour"].lstrip("#")
        known["colour"] = tuple(int(text[at : at + 2], 16) for at in (0, 2, 4)) if len(text) == 6 else text
    return known


FACTS = ("title", "snomed", "category", "modifier", "region", "colour")


def read_facts(path: Path | None) -> dict[str, dict[str, str]]:
    """Return what a CSV file says about labels: its column `name` has the label's name in dataset.json.

    The other columns, all optional, are `title`, SNOMED CT codes (`snomed`, `category`, `modifier`, `region`) and
    `colour` (such as #e69f00). Raises ModelError for another file.
    """
    if path is None:
        return {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeError, csv.Error) as error:
        raise ModelError(f"{path.name} is not a readable CSV file.") from error
    if not rows or "name" not in rows[0]:
        raise ModelError(f"{path.name} needs a column `name`; further columns are {', '.join(FACTS)}.")
    return {row["name"]: {key: (row.get(key) or "").strip() for key in FACTS} for row in rows}
