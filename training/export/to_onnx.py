"""Exports a trained network as a model folder: ONNX weights, comparison with torch, card."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import torch
from torch import nn

from shared.models.card import CARD, ModelCard, digest, save_card
from training.nets.liteunet import Merge
from training.nets.networks import ServingNetwork

TOLERANCE = 1e-3


def export(network: nn.Module, card: ModelCard, folder: Path) -> ModelCard:
    """Write `folder/model.onnx` and `folder/card.json`; returns the card with the checksum of the weights.

    Raises RuntimeError if the outputs of ONNX Runtime and torch differ by more than TOLERANCE.
    """
    folder.mkdir(parents=True, exist_ok=True)
    served = ServingNetwork(_for_onnx(network), card.stage).eval()
    weights = folder / card.weights
    write_onnx(served, card, weights)
    difference = parity(served, weights, card)
    if difference > TOLERANCE:
        raise RuntimeError(f"the exported {card.name} differs from torch by {difference:.2g}")
    final = card.model_copy(update={"sha256": digest(weights)})
    save_card(final, folder / CARD)
    return final


def _for_onnx(network: nn.Module) -> nn.Module:
    """An fp32 copy with the same outputs, whose convolutions have widths at which ONNX Runtime is fast."""
    copied = copy.deepcopy(network).float().cpu()
    for part in copied.modules():
        if isinstance(part, Merge):
            part.round_up()
    return copied


def write_onnx(served: nn.Module, card: ModelCard, path: Path) -> None:
    """Write the network as ONNX for any number of slices, rows and columns, without paths of this machine."""
    example = torch.randint(0, 255, (2, card.slices.channels, 192, 256), dtype=torch.uint8)
    axes = {0: "slices", 2: "rows", 3: "columns"}
    torch.onnx.export(
        served,
        (example,),
        str(path),
        input_names=["stacks"],
        output_names=["probabilities"],
        dynamic_axes={"stacks": axes, "probabilities": {0: "slices"} if card.stage == "classifier" else axes},
        opset_version=17,
        dynamo=False,
    )


def parity(served: nn.Module, weights: Path, card: ModelCard, seed: int = 0) -> float:
    """The largest difference between the outputs of torch and ONNX Runtime, at several sizes."""
    import onnxruntime as ort

    session = ort.InferenceSession(str(weights), providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(seed)
    largest = 0.0
    for slices, rows, columns in ((1, 192, 256), (3, 160, 224), (2, 288, 288)):
        stacks = rng.integers(0, 256, (slices, card.slices.channels, rows, columns), dtype=np.uint8)
        with torch.no_grad():
            expected = served(torch.from_numpy(stacks)).numpy()
        output = session.run(None, {"stacks": stacks})[0]
        largest = max(largest, float(np.abs(output - expected).max()))
    return largest
