"""The shipped files answer what torch answered when they were exported."""

from pathlib import Path

import numpy as np
import pytest

from shared.imaging.formats import read_scan
from shared.imaging.phantoms import abdomen
from shared.imaging.preprocess import open_feed
from shared.imaging.volume import Volume
from shared.models.network import load_network

SERVICES = Path(__file__).parents[2] / "services"
RECORDED = Path(__file__).parent / "recorded"
THIN = 8
STAGES = ("classifier", "segmenter")


def check(stage: str, name: str, volume: Volume) -> None:
    """Run the shipped network on the slices that were recorded (see training/export/golden_outputs.py)."""
    network = load_network(SERVICES / stage, threads=2)
    feed = open_feed(volume.data, volume.geometry.spacing, volume.modality, network.card.slices)
    answer = network(feed.stacks(np.array([int(part * (len(volume.data) - 1)) for part in (0.3, 0.5, 0.65)])))
    thinned = answer[..., ::THIN, ::THIN] if answer.ndim == 4 else answer
    with np.load(RECORDED / f"{stage}.npz") as recorded:
        assert thinned.shape == recorded[name].shape
        assert np.abs(thinned - recorded[name].astype(np.float32)).max() < 5e-3


@pytest.mark.parametrize("stage", STAGES)
def test_on_a_phantom(stage):
    check(stage, "phantom", abdomen(seed=5).volume)


@pytest.mark.parametrize("stage", STAGES)
def test_on_real_slices(stage, data):
    check(stage, "case139", read_scan(data / "uwm" / "case139_day0" / "scans"))
