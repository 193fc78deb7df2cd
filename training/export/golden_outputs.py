"""Torch's outputs on fixed slices, saved so that tests without torch can compare the exported network with them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from torch import nn

from shared.arrays import UInt8
from shared.imaging.input_spec import InputSpec
from shared.imaging.phantoms import abdomen
from shared.imaging.preprocess import open_feed
from shared.imaging.volume import Volume
from shared.models.card import ModelCard
from training.nets.networks import ServingNetwork

STRIDE = 8
"""Every 8th row and column of a segmenter's output is saved."""


def fixed_stacks(volume: Volume, spec: InputSpec, at: tuple[float, ...] = (0.3, 0.5, 0.65)) -> UInt8:
    """Stacks (3, channels, rows, columns) of a scan in the axial view, at the positions `at` (0 to 1) of its length."""
    feed = open_feed(volume.data, volume.geometry.spacing, volume.modality, spec)
    return feed.stacks(np.array([int(position * (len(volume.data) - 1)) for position in at]))


def record(network: nn.Module, card: ModelCard, path: Path) -> None:
    """Write the outputs of the network of a card, as it is served, on the scans that are at hand (`VISCERA_DATA`)."""
    data = os.environ.get("VISCERA_DATA")
    scans = fixed_scans(Path(data) if data else None)
    write_golden_outputs(ServingNetwork(network.cpu().eval(), card.stage).eval(), scans, card.slices, path)


@torch.no_grad()
def write_golden_outputs(served: nn.Module, scans: dict[str, Volume], spec: InputSpec, path: Path) -> None:
    """Write the outputs of a `ServingNetwork` on each scan's stacks to `path` (npz, float16)."""
    outputs = {}
    for name, volume in scans.items():
        output = served(torch.from_numpy(fixed_stacks(volume, spec))).numpy()
        outputs[name] = (output[..., ::STRIDE, ::STRIDE] if output.ndim == 4 else output).astype(np.float16)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **outputs)


def fixed_scans(data: Path | None) -> dict[str, Volume]:
    """A phantom, and a real scan if the data folder has it."""
    scans = {"phantom": abdomen(seed=5).volume}
    real = data / "uwm" / "case139_day0" / "scans" if data else None
    if real is not None and real.is_dir():
        from shared.imaging.formats import read_scan

        scans["case139"] = read_scan(real)
    return scans
