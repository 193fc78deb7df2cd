"""Converts a trained nnU-Net v2 to a model folder: `./viscera models convert nnunet FOLDER OUT`."""

from __future__ import annotations

import argparse
import re
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from pydantic import ValidationError
from torch import nn

from shared.errors import ModelError
from shared.imaging.volume_input import VolumeInput
from shared.models.card import CARD, Label, ModelCard, WeightsFile, digest, save_card
from shared.models.network import load_network
from training.nnunet.checkpoint import Checkpoint, build_network, load_checkpoint
from training.nnunet.plans import labels_of, read_facts, read_plans, volume_input

CHECKPOINT = "checkpoint_final.pth"
TOLERANCE = 1e-3
"""Largest difference between torch and ONNX Runtime, as a share of the largest logit."""
NO_LICENCE = "not stated"


def main(arguments: Sequence[str] | None = None) -> None:
    """Convert one model; a model that can't be converted is one sentence and exit code 1."""
    parser = argparse.ArgumentParser(prog="viscera models convert", description=__doc__)
    parser.add_argument("kind", choices=("nnunet",))
    parser.add_argument("folder", type=Path, help="with plans.json, dataset.json and fold_N/checkpoint_final.pth")
    parser.add_argument("out", type=Path, help="the model folder to write")
    parser.add_argument("--folds", help="comma-separated, such as 0,1 or all (default: those that are there)")
    parser.add_argument("--names", type=Path, metavar="CSV", help="columns name, title, snomed, colour and others")
    parser.add_argument("--licence", default=NO_LICENCE, metavar="TEXT", help="of the weights")
    parser.add_argument("--version", default="1", help="of the model, for its card")
    parser.add_argument("--mirroring", action="store_true", help="average mirrored copies: 2 to 8 times as slow")
    options = parser.parse_args(arguments)
    try:
        card = convert(
            options.folder,
            options.out,
            folds=options.folds.split(",") if options.folds else None,
            names=options.names,
            licence=options.licence,
            version=options.version,
            mirroring=options.mirroring,
        )
    except ModelError as error:
        print(f"viscera: {error.detail} ({error.code})", file=sys.stderr)
        sys.exit(1)
    print(f"{options.out}: {card.name} {card.version}, {len(card.labels)} labels, {len(card.files)} fold(s).")
    if nameless := without_code(card):
        print(f"Without a SNOMED CT code: {', '.join(nameless)}. A CSV file adds codes: --names.")


def convert(
    folder: Path,
    out: Path,
    *,
    folds: Sequence[str] | None = None,
    names: Path | None = None,
    licence: str = NO_LICENCE,
    version: str = "1",
    mirroring: bool = False,
) -> ModelCard:
    """Write the model folder `out` from nnU-Net's folder of a trained model; return its card.

    Raises ModelError, with the reason, for a model that can't be converted or whose export differs from torch.
    """
    chosen = folds or _folds(folder)
    checkpoints = [load_checkpoint(folder / f"fold_{fold}" / CHECKPOINT) for fold in chosen]
    first = checkpoints[0]
    plans = read_plans(folder, first.configuration)
    spec = volume_input(plans, first.mirror_axes, mirroring)
    labels, regions = labels_of(plans.dataset, read_facts(names))
    network = build_network(plans.configuration, len(spec.channels), len(labels) + (not regions))
    out.mkdir(parents=True, exist_ok=True)
    files = [
        _export(network, checkpoint, spec, out / f"fold_{fold}.onnx")
        for fold, checkpoint in zip(chosen, checkpoints, strict=True)
    ]
    size = sum(part.numel() for part in network.parameters()) / 1e6
    card = _card(
        name=re.sub(r"[^\w.-]+", "_", f"{plans.plans.get('dataset_name', folder.name)}-{plans.name}"),
        version=version,
        weights=files[0].weights,
        sha256=files[0].sha256,
        other_folds=tuple(files[1:]),
        input=spec,
        labels=tuple(label.completed() for label in labels),
        regions=regions,
        modalities=("CT",) if spec.channels[0].normalisation.scheme == "clip_z_score" else ("MR",),
        architecture=f"nnU-Net v2, {plans.name}, {type(network).__name__}, {size:.1f} million parameters, "
        f"trained by {first.trainer}, folds {', '.join(chosen)}",
        licence=licence,
        limits=_limits(spec),
    )
    save_card(card, out / CARD)
    _compare(network, checkpoints, card, out)
    return card


def _card(**facts: object) -> ModelCard:
    try:
        return ModelCard.model_validate({"stage": "segmenter", **facts})
    except ValidationError as error:
        raise ModelError(f"The model can't be served: {error.errors()[0]['msg']}.") from error


def _folds(folder: Path) -> list[str]:
    """Return the names of the folds with a checkpoint; `all` only where there is no other."""
    found = sorted(path.parent.name.removeprefix("fold_") for path in folder.glob(f"fold_*/{CHECKPOINT}"))
    numbered = [fold for fold in found if fold != "all"]
    if not found:
        raise ModelError(f"There is no fold_N/{CHECKPOINT} in nnU-Net's folder.")
    return numbered or found


def _limits(spec: VolumeInput) -> tuple[str, ...]:
    limits = ["Results on scans unlike those of its training are not known."]
    if spec.mirror_axes and not spec.mirroring:
        times = 2 ** len(spec.mirror_axes)
        limits.append(f"Mirroring is off: with `mirroring` on, windows take {times} times as long, as in nnU-Net.")
    return tuple(limits)


def _load(network: nn.Module, checkpoint: Checkpoint) -> None:
    try:
        network.load_state_dict(checkpoint.weights)
    except RuntimeError as error:
        reason = f"The weights do not fit the network of plans.json; {checkpoint.trainer} builds another one"
        raise ModelError(f"{reason}.") from error
    network.eval()


def _export(network: nn.Module, checkpoint: Checkpoint, spec: VolumeInput, path: Path) -> WeightsFile:
    """Write one fold as ONNX for windows of the patch's size."""
    _load(network, checkpoint)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that this exporter is the older one, and about norms without statistics
        torch.onnx.export(
            network,
            (torch.zeros(1, len(spec.channels), *spec.patch),),
            str(path),
            input_names=["window"],
            output_names=["logits"],
            opset_version=17,
            dynamo=False,
        )
    return WeightsFile(weights=path.name, sha256=digest(path))


@torch.no_grad()
def _compare(network: nn.Module, checkpoints: Sequence[Checkpoint], card: ModelCard, out: Path) -> None:
    """Raise ModelError if the exported folds and torch differ on a window of noise."""
    if not isinstance(card.input, VolumeInput):
        raise TypeError("a converted model reads volumes")
    rng = np.random.default_rng(0)
    window = rng.standard_normal((1, len(card.input.channels), *card.input.patch)).astype(np.float32)
    expected = np.zeros((1, card.outputs, *card.input.patch), dtype=np.float32)
    for checkpoint in checkpoints:
        _load(network, checkpoint)
        expected += network(torch.from_numpy(window)).numpy() / len(checkpoints)
    difference = float(np.abs(load_network(out)(window) - expected).max() / max(float(np.abs(expected).max()), 1.0))
    if not difference <= TOLERANCE:
        (out / CARD).unlink()  # without a card it is no model
        raise ModelError(f"The exported model differs from torch by {difference:.2g} of the largest logit.")


def without_code(card: ModelCard) -> list[str]:
    """Return the labels, as id and name, that have no SNOMED CT code."""
    labels = {label.id: label for label in card.labels if isinstance(label, Label)}
    return [f"{organ.id} {labels[organ.id].name}" for organ in card.organs if organ.snomed is None]


if __name__ == "__main__":
    main()
