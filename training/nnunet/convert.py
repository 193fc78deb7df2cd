"""Converts a trained nnU-Net v2 to a model folder."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import nn

from shared.arrays import Float32
from shared.errors import ModelError
from shared.imaging.volume_input import VolumeInput
from shared.models.card import CARD, ModelCard, WeightsFile, digest, save_card
from training.converted import NO_LICENCE, card_of, compare
from training.nnunet.checkpoint import Checkpoint, build_network, load_checkpoint
from training.nnunet.plans import labels_of, read_facts, read_plans, volume_input

CHECKPOINT = "checkpoint_final.pth"


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
    card = card_of(
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
    compare(_original(network, checkpoints), card, out)
    return card


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


def _original(network: nn.Module, checkpoints: Sequence[Checkpoint]) -> Callable[[Float32], Float32]:
    """Return torch's mean of the folds as a function from window to logits."""

    @torch.no_grad()
    def run(window: Float32) -> Float32:
        folds = []
        for checkpoint in checkpoints:
            _load(network, checkpoint)
            folds.append(network(torch.from_numpy(window)).numpy())
        mean: Float32 = np.mean(folds, axis=0, dtype=np.float32)
        return mean

    return cast("Callable[[Float32], Float32]", run)
