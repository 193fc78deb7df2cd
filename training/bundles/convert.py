"""Converts a MONAI bundle to a model folder."""

from __future__ import annotations

import re
import shutil
import warnings
from pathlib import Path
from typing import Any, Literal

import onnx
import torch
from torch import nn

from shared.arrays import Float32
from shared.errors import ModelError
from shared.imaging.volume_input import VolumeInput
from shared.models.card import CARD, Label, ModelCard, digest, save_card
from shared.models.network import load_network
from training.bundles.configuration import read_configuration, read_object
from training.bundles.mapping import volume_input
from training.converted import NO_LICENCE, card_of, compare
from training.nnunet.plans import labels_of, read_facts

WEIGHTS = "model.onnx"
LIMIT = "Results on scans unlike those of its training are not known."


def convert(
    folder: Path, out: Path, *, names: Path | None = None, licence: str = NO_LICENCE, version: str | None = None
) -> ModelCard:
    """Write the model folder `out` from a bundle; return its card.

    Nothing of the bundle's configuration is executed. Raises ModelError, with the reason, for a bundle that can't be
    converted or whose export differs from it.
    """
    metadata = read_object(folder / "configs" / "metadata.json")
    image, prediction = _format(metadata)
    channels = _names(image) or ["image"]
    spec, has_regions = volume_input(read_configuration(folder), channels)
    labels, regions = _labels(prediction, has_regions, names)
    out.mkdir(parents=True, exist_ok=True)
    original = _export(folder / "models", spec, out / WEIGHTS)
    card = card_of(
        name=re.sub(r"[^\w.-]+", "_", str(metadata.get("name") or folder.resolve().name)),
        version=version or str(metadata.get("version", "1")),
        weights=WEIGHTS,
        sha256=digest(out / WEIGHTS),
        input=spec,
        labels=tuple(label.completed() for label in labels),
        regions=regions,
        modalities=(_modality(image, spec),),
        architecture=f"MONAI bundle, made with MONAI {metadata.get('monai_version', 'of unknown version')}",
        licence=licence,
        attribution=str(metadata.get("copyright", "")),
        limits=(LIMIT,),
    )
    save_card(card, out / CARD)
    compare(lambda window: _run(original, window) if original else load_network(out)(window), card, out)
    return card


def _format(metadata: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what metadata.json says about the one image that goes in and the one that comes out."""
    try:
        inputs, outputs = (metadata["network_data_format"][side] for side in ("inputs", "outputs"))
        (image,), (prediction,) = inputs.values(), outputs.values()
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError("metadata.json does not describe one input and one output of the network.") from error
    return image, prediction


def _names(part: dict[str, Any]) -> list[str]:
    """Return the names of channels in their order."""
    table = part.get("channel_def") or {}
    return [str(table[key]) for key in sorted(table, key=int)]


def _labels(
    prediction: dict[str, Any], has_regions: bool, facts: Path | None
) -> tuple[tuple[Label, ...], tuple[int, ...]]:
    names = _names(prediction)
    if not names:
        raise ModelError("metadata.json does not name the channels of the output (channel_def).")
    if has_regions and len(names) > 1:
        raise ModelError("Outputs of a sigmoid can overlap: a bundle with several can't become one label map.")
    first = 1 if has_regions else 0
    ids = {name: number for number, name in enumerate(names, start=first)}
    if len(ids) < len(names) or (not has_regions and len(names) < 2):
        raise ModelError("The channels of the output need different names: the background, and one per label.")
    labels, _ = labels_of({"labels": ids}, read_facts(facts))
    return labels, ((1,) if has_regions else ())


def _modality(image: dict[str, Any], spec: VolumeInput) -> Literal["MR", "CT"]:
    words = f"{image.get('modality', '')} {image.get('format', '')}".upper()
    if "MR" in words:
        return "MR"
    is_ct = "CT" in words or "HOUNSFIELD" in words or spec.channels[0].normalisation.scheme == "clip_z_score"
    return "CT" if is_ct else "MR"


def _export(models: Path, spec: VolumeInput, path: Path) -> nn.Module | None:
    """Write the network as ONNX for windows of the patch's size; return it where it was TorchScript."""
    if (models / "model.ts").is_file():
        return _from_torchscript(models / "model.ts", spec, path)
    if not (models / "model.onnx").is_file():
        how = "python -m monai.bundle ckpt_export --net_id network_def --filepath models/model.ts"
        raise ModelError(f"The bundle has no models/model.ts or model.onnx; this writes one: {how}")
    shutil.copyfile(models / "model.onnx", path)
    try:
        inputs = onnx.load(path, load_external_data=False).graph.input
    except Exception as error:  # protobuf's and ONNX's errors have no common base class
        raise ModelError("model.onnx of the bundle can't be read.") from error
    if len(inputs) != 1:
        raise ModelError(f"The network of the bundle has {len(inputs)} inputs; one can be served.")
    return None


def _from_torchscript(source: Path, spec: VolumeInput, path: Path) -> nn.Module:
    window = torch.zeros(1, len(spec.channels), *spec.patch)
    try:
        network: nn.Module = torch.jit.load(str(source), map_location="cpu").float().eval()
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # that this exporter is the older one
            traced = torch.jit.trace(network, window, check_trace=False)
            torch.onnx.export(
                traced, (window,), str(path), input_names=["window"], output_names=["logits"], opset_version=17,
                dynamo=False,
            )  # fmt: skip
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
        raise ModelError(f"model.ts of the bundle can't be exported: {reason}") from error
    return network


@torch.no_grad()
def _run(network: nn.Module, window: Float32) -> Float32:
    output = network(torch.from_numpy(window))
    if not isinstance(output, torch.Tensor):
        raise ModelError("The network returns several outputs; one is expected.")
    logits: Float32 = output.numpy()
    return logits
