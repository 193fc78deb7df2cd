"""What torch answers on fixed slices, kept so that tests without torch can hold the exported file to it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from shared.imaging.input_spec import InputSpec
from shared.imaging.phantoms import abdomen
from shared.imaging.preprocess import open_feed
from shared.imaging.volume import Volume

THIN = 8
"""Of a segmenter's planes, every 8th row and column are kept."""


def stacks_of(volume: Volume, wants: InputSpec, at: tuple[float, ...] = (0.3, 0.5, 0.65)) -> NDArray[np.uint8]:
    """Three stacks of a scan (in the axial view already), spread over its length."""
    feed = open_feed(volume.data, volume.geometry.spacing, volume.modality, wants)
    return feed.stacks(np.array([int(part * (len(volume.data) - 1)) for part in at]))


@torch.no_grad()
def record(served: nn.Module, scans: dict[str, Volume], wants: InputSpec, path: Path) -> None:
    """Write the answers of an exported-form network on each scan's stacks to `path` (npz, float16)."""
    answers = {}
    for name, volume in scans.items():
        answer = served(torch.from_numpy(stacks_of(volume, wants))).numpy()
        answers[name] = (answer[..., ::THIN, ::THIN] if answer.ndim == 4 else answer).astype(np.float16)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **answers)


def scans_to_record(data: Path | None) -> dict[str, Volume]:
    """A phantom, and a real scan where there is one."""
    scans = {"phantom": abdomen(seed=5).volume}
    real = data / "uwm" / "case139_day0" / "scans" if data else None
    if real is not None and real.is_dir():
        from shared.imaging.formats import read_scan

        scans["case139"] = read_scan(real)
    return scans
