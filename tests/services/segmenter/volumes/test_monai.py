"""Labels are those of MONAI's own transforms and windows on recorded scans (training/bundles/cases.py makes them)."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from services.segmenter.volumes.core import label_images, label_scan
from services.segmenter.volumes.grid import points_of
from services.segmenter.volumes.resampling import Points, resample
from services.segmenter.volumes.windows import gaussian_of_monai, starts_at_distance
from shared.imaging.formats import read_scan
from shared.imaging.geometry import to_axial
from shared.imaging.volume_input import VolumeInput
from shared.models.network import load_network
from tests.support.volume_models import by_value, network_of, volume_card, volume_spec

RECORDED = Path(__file__).parents[2] / "recorded" / "monai"
CASES = {
    "Range": "clipped range after Spacingd, constant windows, probabilities resampled to the scan",
    "Nonzero": "z-score of what is not zero before Spacingd, LPS, Gaussian windows, labels of the nearest voxel",
    "Single": "two channels, range and z-score, one output with a sigmoid, no orientation",
}
MONAI = {"framework": "monai", "crop_to_nonzero": False, "resampling": {"order": 1, "separate_z": False}}


def halfway(scan, spec):
    """Which voxels of a scan lie half-way between two of the network's grid: the digits of a float decide there."""
    turn = to_axial(scan.geometry, spec.orientation)
    seen = turn.target
    directions = seen.affine[:3, 2::-1][:, spec.transpose]
    z, y, x = (seen.shape[axis] for axis in spec.transpose)
    _, lines = points_of((z, y, x), directions, spec.spacing)
    where = np.zeros(seen.shape, dtype=bool)
    for line, axis in zip(lines, spec.transpose, strict=True):
        assert line is not None
        at = (np.arange(seen.shape[axis]) - line.start) / line.step
        planes = np.abs(at - np.floor(at) - 0.5) < 1e-4
        where |= planes.reshape([-1 if each == axis else 1 for each in range(3)])
    return turn.undo(where)


@pytest.mark.parametrize("case", CASES)
def test_labels_equal_those_of_monai(case):
    network = load_network(RECORDED / case, threads=1)
    spec = network.card.input
    assert isinstance(spec, VolumeInput)
    answers = sorted((RECORDED / case / "answers").glob("*.nii.gz"))
    assert len(answers) == 2
    for answer in answers:
        name = answer.name.removesuffix(".nii.gz")
        first, *others = (read_scan(path) for path in sorted((RECORDED / case / "scans").glob(f"{name}_*.nii.gz")))
        scan = replace(first, further=tuple(other.data for other in others))
        expected = read_scan(answer)
        assert expected.geometry == scan.geometry
        foreground = int((expected.data > 0).sum())
        assert foreground > 1000
        assert set(np.unique(expected.data)) == set(range(len(network.card.labels) + 1))
        wrong = label_scan(scan, network, spec) != expected.data
        if spec.output == "labels":
            ties = halfway(scan, spec)
            assert ties.mean() < 0.1
            wrong &= ~ties
        assert int(wrong.sum()) <= max(3, foreground // 1000)


@pytest.mark.parametrize(
    ("size", "new", "line"), [(9, 14, Points(0.7, -0.2)), (14, 9, Points(1.6)), (5, 5, Points(1.1))]
)
def test_points_are_read_as_scipy_reads_coordinates(size, new, line):
    volume = np.random.default_rng(0).standard_normal((size, size, size)).astype(np.float32)
    at = np.arange(new) * line.step + line.start
    expected = ndimage.map_coordinates(volume, np.meshgrid(at, at, at, indexing="ij"), order=1, mode="nearest")
    shape, target = (size,) * 3, (new,) * 3
    result = resample(iter(volume), shape, target, (1, 1), is_separate=False, lines=(line,) * 3)
    assert np.abs(result - expected).max() < 1e-5


def test_axes_at_right_angles_share_the_first_voxel_and_others_the_middle():
    shape, lines = points_of((10, 20, 30), np.diag([2.0, 1.0, -0.5]), (1.0, 2.0, 0.5))
    assert shape == (19, 10, 30)  # half of a voxel is rounded to the even number, as MONAI does
    assert list(lines) == [Points(0.5), Points(2.0), Points(1.0)]
    sheared = np.diag([2.0, 1.0, 0.5])
    sheared[0, 1] = -1e-5
    _, lines = points_of((10, 20, 30), sheared, (1.0, 2.0, 0.5))
    starts = [line.start for line in lines if line is not None]
    assert starts == pytest.approx([10 / 2 - 19 / 4, 20 / 2 - 10, 0.0], abs=1e-3)


def test_windows_are_a_fixed_distance_apart_and_the_last_one_ends_with_the_volume():
    assert starts_at_distance(110, 64, 0.5) == [0, 32, 46]
    assert starts_at_distance(128, 64, 0.5) == [0, 32, 64]
    assert starts_at_distance(64, 64, 0.25) == [0]
    assert starts_at_distance(66, 4, 0.1)[:3] == [0, 1, 2]


def test_weights_are_symmetric_and_at_least_a_thousandth():
    weights = gaussian_of_monai((32, 24, 15))
    assert np.allclose(weights, weights[::-1, ::-1, ::-1])
    assert weights.min() == np.float32(1e-3)
    assert weights.max() == weights[16, 12, 7] > 0.95


@pytest.mark.parametrize("output", ["logits", "probabilities", "labels"])
@pytest.mark.parametrize("weights", ["constant", "gaussian"])
def test_labels_stay_where_their_voxels_are_whatever_is_resampled(output, weights):
    data = np.zeros((20, 23, 26), dtype=np.int16)
    data[3:17, 4:20, 2:21] = 100
    data[5:9, 6:15, 12:20] = 200
    spec = volume_spec(transpose=(2, 1, 0), output=output, window_weights=weights, **MONAI)
    labels = label_images([data], (1.0, 1.0, 1.0), network_of(volume_card(spec), by_value), spec)
    assert np.array_equal(labels, data // 100)
    fine = volume_spec(transpose=(2, 1, 0), output=output, spacing=(0.5, 0.8, 0.5), **MONAI)
    labels = label_images([data], (1.0, 1.0, 1.0), network_of(volume_card(fine), by_value), fine)
    assert (labels != data // 100).mean() < 0.03  # only at borders


def test_a_region_is_where_its_probability_is_above_a_half():
    spec = volume_spec(output="probabilities", **MONAI)
    network = network_of(volume_card(spec, labels=1, regions=(1,)), lambda window: window - 150.0)
    data = np.zeros((9, 9, 9), dtype=np.int16)
    data[2:6, 3:7, 1:4] = 200
    assert np.array_equal(label_images([data], (1.0, 1.0, 1.0), network, spec), data // 200)
