"""Batches run at the same time, and their outputs come in order."""

import threading
from dataclasses import replace

import numpy as np
import pytest

from shared.models.batches import batch_size, outputs
from shared.models.network import load_network
from shared.models.registry import SERVICES
from tests.support.tiny_models import by_brightness


def batches(count):
    return [(np.array([number]), np.full((1, 3, 64, 64), number, dtype=np.uint8)) for number in range(count)]


@pytest.mark.parametrize("at_once", [1, 2, 5])
def test_outputs_come_in_the_order_of_the_batches(tmp_path, at_once):
    network = replace(load_network(by_brightness(tmp_path)), at_once=at_once)
    found = list(outputs(network, batches(7)))
    assert [int(indices[0]) for indices, _ in found] == list(range(7))
    for (_, output), (_, stacks) in zip(found, batches(7), strict=True):
        assert np.array_equal(output, network(stacks))


def test_as_many_calls_run_together_as_the_network_allows(tmp_path):
    barrier = threading.Barrier(3, timeout=20.0)

    def fold(stacks):
        barrier.wait()  # passes only when three calls are here
        return np.zeros((1, 4, 64, 64), dtype=np.float32)

    network = replace(load_network(by_brightness(tmp_path)), at_once=3, folds=(fold,))
    assert len(list(outputs(network, batches(6)))) == 6


def test_an_error_of_one_batch_reaches_the_caller(tmp_path):
    def fold(stacks):
        raise ValueError("damaged")

    network = replace(load_network(by_brightness(tmp_path)), at_once=2, folds=(fold,))
    with pytest.raises(ValueError, match="damaged"):
        list(outputs(network, batches(4)))


def test_threads_are_shared_out_to_calls_of_one_thread(tmp_path):
    folder = by_brightness(tmp_path)
    assert [load_network(folder, threads=threads).at_once for threads in (1, 2, 8, 16)] == [1, 2, 8, 8]
    assert load_network(folder).at_once >= 1


def test_the_shipped_segmenter_answers_alike_in_any_batch_and_thread():
    stacks = np.random.default_rng(0).integers(0, 256, (8, 1, 64, 96), dtype=np.uint8)
    alone, shared = (load_network(SERVICES / "segmenter", threads=threads) for threads in (1, 2))
    size = batch_size(shared, 8)
    parts = [(np.arange(size), stacks[first : first + size]) for first in range(0, 8, size)]
    together = np.concatenate([output for _, output in outputs(shared, parts)])
    assert size < 8
    assert np.array_equal(alone(stacks), together)
