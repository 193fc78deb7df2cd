"""Every scan reaches the network the same way, and what comes back lies where it belongs."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.imaging.input_spec import InputSpec, Normalisation
from shared.imaging.phantoms import abdomen
from shared.imaging.preprocess import fit_window, normalise, open_feed

HOW = Normalisation()


def scene(rng: np.random.Generator, slices: int = 3, side: int = 96) -> np.ndarray:
    """Air around a body of many grey levels, whole numbers."""
    data = rng.integers(0, 20, (slices, side, side))
    data[:, 20:-20, 10:-10] = rng.integers(100, 3000, (slices, side - 40, side - 20))
    return data


@given(st.integers(0, 2**32 - 1), st.integers(1, 20), st.integers(0, 5000))
@settings(max_examples=50, deadline=None)
def test_scaling_and_shifting_whole_numbers_changes_nothing(seed, factor, shift):
    data = scene(np.random.default_rng(seed))
    assert np.array_equal(normalise(data, "MR", HOW), normalise(data * factor + shift, "MR", HOW))


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int16, np.float32, np.float64])
def test_every_kind_of_number_gives_the_same_grey_levels(kind):
    data = scene(np.random.default_rng(1)) // 16
    assert np.array_equal(normalise(data.astype(kind), "MR", HOW), normalise(data, "MR", HOW))


@pytest.mark.parametrize("value", [0, 7, -1000, 65535])
def test_a_slice_without_contrast_becomes_zeros(value):
    assert not normalise(np.full((2, 32, 32), value), "MR", HOW).any()


def test_what_is_not_a_number_is_the_darkest():
    data = scene(np.random.default_rng(2)).astype(np.float32)
    data[0, 40, 40], data[1, 50, 50], data[2] = np.nan, np.inf, np.nan
    grey = normalise(data, "MR", HOW)
    assert grey[0, 40, 40] == 0
    assert not grey[2].any()
    assert grey[0].max() == 255


def test_a_few_bright_pixels_do_not_darken_the_rest():
    data = scene(np.random.default_rng(3))
    spoiled = data.copy()
    spoiled[:, 48, 48:52] = 60000
    usual, odd = normalise(data, "MR", HOW).astype(int), normalise(spoiled, "MR", HOW).astype(int)
    assert np.abs(usual - odd)[spoiled == data].max() <= 3


def test_ct_is_seen_through_a_fixed_window():
    data = np.array([[[-2000, -160, 40, 240, 3000]]], dtype=np.int16)
    assert normalise(data, "CT", HOW).tolist() == [[[0, 0, 128, 255, 255]]]


@pytest.mark.parametrize("spacing", [(0.4, 0.4), (1.5, 1.5), (0.78, 1.1), (5.0, 5.0)])
@pytest.mark.parametrize("shape", [(266, 266), (310, 360), (61, 97)])
def test_the_window_is_a_multiple_and_holds_the_whole_body(spacing, shape):
    sample = np.zeros((2, *shape), dtype=np.uint8)
    top, left = shape[0] // 4, shape[1] // 5
    sample[:, top:-top, left:-left] = 200
    window = fit_window(sample, spacing, InputSpec())
    assert all(length % 32 == 0 and length > 0 for length in window.size)
    seen = window.back((window.forward(sample) > 100).astype(np.float32)) > 0.5
    assert (seen != (sample > 100)).mean() < 0.05
    assert seen[:, shape[0] // 2, shape[1] // 2].all()


def test_there_and_back_every_organ_stays_in_place():
    made = abdomen()
    feed = open_feed(made.volume.data, made.volume.geometry.spacing, "MR", InputSpec())
    for organ in (1, 2, 3):
        mask = (made.labels.data == organ).astype(np.uint8) * 255
        back = feed.window.back(feed.window.forward(mask).astype(np.float32)) > 127
        both = 2 * (back & (mask > 0)).sum() / (back.sum() + (mask > 0).sum())
        assert both > 0.97


def test_neighbours_are_about_three_millimetres_away_and_stop_at_the_ends():
    data = np.arange(10, dtype=np.float32)[:, None, None] + np.linspace(0, 500, 96 * 96).reshape(1, 96, 96)
    feed = open_feed(data, (1.0, 1.5, 1.5), "CT", InputSpec())
    assert feed.step == 3
    stacks = feed.stacks(np.array([0, 5, 9]))
    alone = feed.window.forward(normalise(data, "CT", HOW))
    for row, (before, here, after) in zip(stacks, [(0, 0, 3), (2, 5, 8), (6, 9, 9)], strict=True):
        assert np.array_equal(row, alone[[before, here, after]])


def test_a_network_of_one_channel_sees_each_slice_alone():
    data = np.random.default_rng(0).integers(0, 500, (10, 96, 96)).astype(np.uint16)
    feed = open_feed(data, (3.0, 1.5, 1.5), "MR", InputSpec(channels=1))
    stacks = feed.stacks(np.array([0, 4, 9]))
    assert np.array_equal(stacks[:, 0], feed.window.forward(normalise(data[[0, 4, 9]], "MR", HOW)))


def test_a_large_scan_is_fed_in_bounded_memory():
    data = np.zeros((400, 512, 512), dtype=np.int16)
    data[:, 100:400, 80:430] = np.random.default_rng(0).integers(-100, 200, (300, 350), dtype=np.int16)
    tracemalloc.start()
    feed = open_feed(data, (1.0, 0.78, 0.78), "CT", InputSpec())
    for _, stacks in feed.batches(np.arange(0, 64), 8):
        assert stacks.shape[1] == 3
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 60 * 2**20  # the scan itself has 200 MiB
