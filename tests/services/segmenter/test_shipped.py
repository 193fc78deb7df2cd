"""The pair that is shipped: whole, small, sure of left and right, indifferent to the scale of grey levels."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from services.classifier.core import classify
from services.segmenter.core import segment
from shared.imaging.geometry import Geometry
from shared.imaging.phantoms import abdomen
from shared.imaging.volume import LabelMap, Volume
from shared.models.network import load_network

SERVICES = Path(__file__).parents[3] / "services"


@pytest.fixture(scope="module")
def pair():
    return load_network(SERVICES / "classifier", threads=2), load_network(SERVICES / "segmenter", threads=2)


def outline(volume: Volume, pair) -> LabelMap:
    """Both stages."""
    classifier, segmenter = pair
    return segment(volume, classify(volume, classifier), segmenter)


def dice(predicted: np.ndarray, reference: np.ndarray, organ: int) -> float:
    return (
        2
        * ((predicted == organ) & (reference == organ)).sum()
        / ((predicted == organ).sum() + (reference == organ).sum())
    )


def test_the_pair_is_small_and_says_what_it_is_for(pair):
    size = sum((SERVICES / name / "model.onnx").stat().st_size for name in ("classifier", "segmenter"))
    assert size < 30e6
    for network in pair:
        assert network.card.licence == "CC BY-NC-SA 4.0"
        assert "not for diagnosis" in network.card.intended_use.lower()
        assert network.card.limits
        assert network.card.data


@pytest.mark.parametrize("seed", [0, 3])
def test_all_organs_of_a_phantom_are_found_where_they_are(pair, seed):
    phantom = abdomen(seed=seed)
    predicted = outline(phantom.volume, pair).data
    assert min(dice(predicted, phantom.labels.data, organ) for organ in (1, 2, 3)) > 0.6


def test_a_scan_stored_the_other_way_round_gives_the_same_organs(pair):
    phantom = abdomen()
    affine = phantom.volume.geometry.affine @ np.diag([-1.0, 1.0, -1.0, 1.0])
    last = np.array([phantom.volume.data.shape[2] - 1, 0, phantom.volume.data.shape[0] - 1, 1.0])
    affine[:, 3] = phantom.volume.geometry.affine @ last
    turned = Volume(phantom.volume.data[::-1, :, ::-1], Geometry(phantom.volume.data.shape, affine), "MR", "nifti")
    assert np.array_equal(outline(turned, pair).data[::-1, :, ::-1], outline(phantom.volume, pair).data)


@pytest.mark.parametrize(("factor", "shift"), [(3, 0), (1, 500), (7, 1234)])
def test_scaling_and_shifting_a_16_bit_scan_leaves_the_label_map_unchanged(pair, factor, shift):
    phantom = abdomen(seed=1)
    changed = replace(phantom.volume, data=(phantom.volume.data.astype(np.uint32) * factor + shift).astype(np.uint16))
    assert phantom.volume.data.max() * factor + shift < 2**16
    assert np.array_equal(outline(changed, pair).data, outline(phantom.volume, pair).data)


def test_all_organs_of_a_real_scan_are_found_on_the_right_side(pair, data):
    from training.dataset.prepare import read_picture

    folder = data / "uwm" / "case139_day0"
    scans = np.stack([read_picture(p) for p in sorted((folder / "scans").glob("*.png"))])
    reference = np.stack([read_picture(p) for p in sorted((folder / "labels").glob("*.png"))])
    grid = Geometry.from_spacing(scans.shape, (3.0, 1.5, 1.5), (1, 1, -1))
    predicted = outline(Volume(scans, grid, "MR", "png"), pair).data
    assert min(dice(predicted, reference, organ) for organ in (1, 2, 3)) > 0.6
    assert np.argwhere(predicted == 1)[:, 0].mean() < np.argwhere(predicted == 2)[:, 0].mean()
