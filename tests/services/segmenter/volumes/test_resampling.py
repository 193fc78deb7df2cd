"""Resampling along each axis in turn gives what scipy gives for all axes at once."""

import numpy as np
import pytest
from scipy import ndimage

from services.segmenter.volumes.grid import exact_spacing
from services.segmenter.volumes.resampling import new_shape, resample, separate_axis, taps
from shared.imaging.volume_input import Resampling

SHAPE, TARGETS = (9, 12, 15), [(14, 12, 10), (5, 20, 21), (9, 7, 15)]
CUBIC = Resampling(order=3)


def image(shape=SHAPE):
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def zoomed(volume, target, order):
    factors = [new / old for new, old in zip(target, volume.shape, strict=True)]
    out = ndimage.zoom(volume.astype(np.float64), factors, order=order, mode="nearest", grid_mode=True)
    return np.clip(out, volume.min(), volume.max())


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("order", [1, 3])
def test_a_volume_is_resampled_as_scipy_does(target, order):
    volume = image()
    result = resample(iter(volume), SHAPE, target, (order, order), is_separate=False)
    assert np.abs(result - zoomed(volume, target, order)).max() < 1e-5


def test_planes_are_resampled_alone_and_the_nearest_is_taken_across_them():
    volume, target = image(), (14, 20, 10)
    result = resample(iter(volume), SHAPE, target, (0, 3), is_separate=True)
    planes = [zoomed(plane, target[1:], 3) for plane in volume]
    nearest = np.floor((np.arange(14) + 0.5) * 9 / 14).astype(int)
    assert np.abs(result - np.stack([planes[index] for index in nearest])).max() < 1e-5


@pytest.mark.parametrize(("size", "new_size"), [(7, 13), (13, 7), (5, 5), (1, 4)])
@pytest.mark.parametrize("order", [0, 1])
def test_taps_read_the_cells_that_scipy_reads(size, new_size, order):
    line = np.random.default_rng(1).standard_normal((size, 1)).astype(np.float32)
    expected = ndimage.zoom(
        line.astype(np.float64), [new_size / size, 1.0], order=order, mode="nearest", grid_mode=True
    )
    assert np.abs(taps(size, new_size, order).rows(line) - expected).max() < 1e-6


@pytest.mark.parametrize(
    ("spacing", "new_spacing", "how", "axis"),
    [
        ((5.0, 1.0, 1.0), (1.0, 1.0, 1.0), CUBIC, 0),  # the scan's own spacing decides first
        ((1.0, 1.0, 1.0), (1.0, 1.0, 4.0), CUBIC, 2),
        ((3.0, 1.0, 1.0), (1.0, 1.0, 1.0), CUBIC, None),  # three times is not more than three times
        ((0.24, 1.25, 1.25), (1.0, 1.0, 1.0), CUBIC, None),  # two axes are equally coarse
        ((1.0, 2.0, 1.0), (1.0, 1.0, 1.0), Resampling(order=3, separate_z=True), 1),
        ((9.0, 1.0, 1.0), (1.0, 1.0, 1.0), Resampling(order=3, separate_z=False), None),
    ],
)
def test_the_coarsest_axis_is_resampled_separately(spacing, new_spacing, how, axis):
    assert separate_axis(spacing, new_spacing, how) == axis


def test_half_a_voxel_is_rounded_to_the_even_number_as_nnunet_does():
    assert new_shape((31, 29, 1), (1.0, 1.0, 0.1), (2.0, 2.0, 3.0)) == (16, 14, 1)


def test_an_oblique_affine_does_not_change_a_voxel_size():
    assert exact_spacing((1.0000001, 0.69999993, 0.97656244)) == (1.0, float(np.float32(0.7)), 0.9765625)
    assert exact_spacing((1.2345678912, 3.0, 5.0))[0] == pytest.approx(1.2345678912, rel=1e-6)
