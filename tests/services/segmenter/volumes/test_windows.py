"""Windows cover a volume once; labels follow the voxels through axes, crop and resampling, in bounded memory."""

import tracemalloc

import numpy as np
import pytest

from services.segmenter.volumes.classes import round_to_half
from services.segmenter.volumes.core import label_images, label_scan
from services.segmenter.volumes.windows import gaussian, starts
from shared.errors import ModelError
from shared.imaging.geometry import Geometry
from shared.imaging.volume import Volume
from tests.support.volume_models import RAW, by_value, network_of, volume_card, volume_spec


def blocks(shape=(20, 23, 26)):
    """A body of 100 with a block of 200 in zeros, without symmetry."""
    data = np.zeros(shape, dtype=np.int16)
    data[3:17, 4:20, 2:21] = 100
    data[5:9, 6:15, 12:20] = 200
    return data


def expected_of(data):
    return (data // 100).astype(np.uint8)


@pytest.mark.parametrize("transpose", [(0, 1, 2), (1, 0, 2), (2, 0, 1), (1, 2, 0), (2, 1, 0)])
@pytest.mark.parametrize("patch", [(8, 8, 8), (32, 8, 5), (8, 9)])
def test_labels_stay_where_their_voxels_are_whatever_the_order_of_axes(transpose, patch):
    data, spec = blocks(), volume_spec(transpose=transpose, patch=patch, spacing=(1.0,) * len(patch))
    labels = label_images([data], (1.0, 1.0, 1.0), network_of(volume_card(spec), by_value), spec)
    assert labels.dtype == np.uint8
    assert np.array_equal(labels, expected_of(data))


def test_labels_come_back_to_the_scans_own_voxels_after_resampling():
    data = np.repeat(np.repeat(blocks(), 2, axis=1), 2, axis=2)
    spec = volume_spec()
    labels = label_images([data], (1.0, 0.5, 0.5), network_of(volume_card(spec), by_value), spec)
    wrong = labels != expected_of(data)
    assert wrong.mean() < 0.03  # only at borders
    assert np.array_equal(labels[6, 16:26, 28:36], np.full((10, 8), 2))


def test_a_scan_is_turned_to_the_orientation_of_the_card_and_back():
    spec, seen = volume_spec(orientation="RAS", patch=(20, 23, 26)), []

    def run(window):
        seen.append(window.copy())
        return by_value(window)

    data = blocks()
    affine = np.diag([1.0, -1.0, -1.0, 1.0])  # LPS of column, row, slice: left, anterior, feet
    volume = Volume(data, Geometry(data.shape, affine), "MR", "nifti")
    labels = label_scan(volume, network_of(volume_card(spec), run), spec)
    assert np.array_equal(labels, expected_of(data))
    body = data[3:17, 4:20, 2:21]
    inside = seen[0][0, 0][3:17, 3:19, 3:22]  # the part that is not zero, in the middle of the padding
    assert np.array_equal(inside, body[::-1, :, ::-1])  # right, anterior, head


def test_only_the_part_that_is_not_zero_is_seen():
    seen = []

    def run(window):
        seen.append(window.shape)
        assert window.any()
        return by_value(window)

    spec = volume_spec(patch=(14, 16, 19))
    labels = label_images([blocks()], (1.0, 1.0, 1.0), network_of(volume_card(spec), run), spec)
    assert len(seen) == 1
    assert np.array_equal(labels, expected_of(blocks()))


def test_a_scan_of_zeros_is_background():
    spec = volume_spec()
    labels = label_images([np.zeros((9, 9, 9))], (1.0, 1.0, 1.0), network_of(volume_card(spec), by_value), spec)
    assert not labels.any()


def test_a_later_region_overwrites_an_earlier_one():
    def run(window):
        return np.concatenate([window - 50.0, window - 150.0], axis=1)

    spec = volume_spec()
    network = network_of(volume_card(spec, regions=(2, 1)), run)
    labels = label_images([blocks()], (1.0, 1.0, 1.0), network, spec)
    assert np.array_equal(labels, np.array([0, 2, 1], dtype=np.uint8)[blocks() // 100])


def test_the_lowest_label_wins_a_tie():
    spec = volume_spec()
    zeros = network_of(volume_card(spec), lambda window: np.repeat(window * 0.0, 3, axis=1))
    assert not label_images([blocks()], (1.0, 1.0, 1.0), zeros, spec).any()


def test_mirrored_copies_are_averaged():
    def run(window):  # sees label 2 only at the start of the last axis
        logits = by_value(window)
        logits[:, 2, ..., 4:] -= 100.0
        return logits

    data = np.full((8, 8, 8), 200, dtype=np.int16)
    plain, mirrored = (volume_spec(mirror_axes=(2,), mirroring=on) for on in (False, True))
    one, both = (label_images([data], (1.0, 1.0, 1.0), network_of(volume_card(s), run), s) for s in (plain, mirrored))
    assert (one[..., :4] == 2).all()
    assert (one[..., 4:] == 1).all()
    assert (both == 1).all()  # minus 50 everywhere


def test_progress_is_reported_after_each_window_and_its_exception_ends_the_work():
    spec, done = volume_spec(), list[float]()
    network = network_of(volume_card(spec), by_value)
    label_images([blocks()], (1.0, 1.0, 1.0), network, spec, done.append)
    assert done == sorted(done)
    assert done[-1] == 1.0
    calls = []

    def cancel(share):
        calls.append(share)
        if len(calls) == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        label_images([blocks()], (1.0, 1.0, 1.0), network, spec, cancel)
    assert len(calls) == 3


def test_logits_beyond_half_precision_are_an_error():
    spec = volume_spec()
    network = network_of(volume_card(spec), lambda window: by_value(window) * 1e6)
    with pytest.raises(ModelError, match="too large"):
        label_images([blocks()], (1.0, 1.0, 1.0), network, spec)


def test_a_model_of_several_images_reads_them_in_order():
    spec, seen = volume_spec(channels=(RAW, RAW), patch=(20, 23, 26)), []

    def run(window):
        seen.append(window.copy())
        return by_value(window)

    data = blocks()
    volume = Volume(data, Geometry.from_spacing(data.shape, (1.0, 1.0, 1.0)), "MR", "nifti", further=(data + 1,))
    assert np.array_equal(label_scan(volume, network_of(volume_card(spec), run), spec), expected_of(data))
    assert np.array_equal(seen[0][0, 1], seen[0][0, 0] + 1)


def test_memory_is_two_volumes_and_one_slab_of_windows():
    spec = volume_spec(patch=(8, 32, 32))
    data = np.random.default_rng(0).integers(1, 200, (96, 64, 64)).astype(np.int16)
    network = network_of(volume_card(spec, labels=29), lambda window: np.repeat(window, 30, axis=1))
    tracemalloc.start()
    label_images([data], (1.0, 1.2, 1.2), network, spec)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    plane = 77 * 77  # on the network's grid
    slab, windows = 30 * 8 * plane * 2, 3 * 30 * 8 * 32 * 32 * 4
    planes = 30 * plane * (2 * 2 + 2 * 4)
    assert peak < 2 * 96 * plane * 4 + slab + windows + planes
    assert peak < 30 * 96 * plane * 2 / 2  # half of the logits of the whole volume


def test_windows_start_evenly_and_reach_the_end():
    assert starts(110, 64, 0.5) == [0, 23, 46]  # the example of nnU-Net's source
    assert starts(64, 64, 0.5) == [0]
    assert starts(5, 1, 1.0) == [0, 1, 2, 3, 4]


def test_values_are_rounded_as_half_precision_rounds_them():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.standard_normal(10_000) * 30.0, [0.0, -0.0, 1.0, 2049.0, 2051.0, 65000.0, 7e-5]])
    expected = values.astype(np.float32).astype(np.float16).astype(np.float32)
    assert np.array_equal(round_to_half(values.astype(np.float32)), expected)


def test_weights_peak_in_the_middle_and_are_never_0():
    weights = gaussian((32, 24, 16))
    assert weights.dtype == np.float16
    assert weights.max() == weights[16, 12, 8] == 10.0
    assert weights.min() > 0
