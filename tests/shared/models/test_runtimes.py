"""The faster runtime is used where it was measured on this processor, for these weights."""

import json

import numpy as np
import pytest

from shared.models import runtimes
from shared.models.network import load_network
from shared.models.registry import SERVICES, load
from shared.settings import Settings
from tests.support.tiny_models import by_brightness, by_presence


def write(store, folder, seconds, processor=None):
    identity = runtimes.load_card(folder / runtimes.CARD).identity
    record = {identity: {"processor": processor or runtimes.processor(), "seconds": seconds}}
    (store / runtimes.RECORD).write_text(json.dumps(record))


def test_without_a_measurement_onnx_runtime_is_used(tmp_path):
    assert runtimes.resolve("auto", by_presence(tmp_path / "m"), tmp_path) == "cpu"
    assert runtimes.resolve("openvino", by_presence(tmp_path / "m"), tmp_path) == "openvino"


@pytest.mark.parametrize(("openvino", "used"), [(0.5, "openvino"), (0.96, "cpu"), (2.0, "cpu")])
def test_a_clearly_faster_runtime_is_used(tmp_path, openvino, used):
    folder = by_presence(tmp_path / "m")
    write(tmp_path, folder, {"cpu": 1.0, "openvino": openvino})
    assert runtimes.resolve("auto", folder, tmp_path) == used


def test_a_measurement_of_another_processor_or_model_counts_for_nothing(tmp_path):
    folder, other = by_presence(tmp_path / "m"), by_brightness(tmp_path / "n")
    write(tmp_path, folder, {"cpu": 1.0, "openvino": 0.1}, processor="Abacus 3000")
    assert runtimes.resolve("auto", folder, tmp_path) == "cpu"
    write(tmp_path, other, {"cpu": 1.0, "openvino": 0.1})
    assert runtimes.resolve("auto", folder, tmp_path) == "cpu"
    (tmp_path / runtimes.RECORD).write_text("{damaged")
    assert runtimes.resolve("auto", folder, tmp_path) == "cpu"


def test_a_worker_loads_what_was_measured_as_faster(tmp_path):
    pytest.importorskip("openvino")
    folder = by_presence(tmp_path / "m")
    seconds = runtimes.measure(folder, tmp_path, threads=1)
    assert set(seconds) == {"cpu", "openvino"}
    write(tmp_path, folder, {"cpu": 1.0, "openvino": 0.1})
    network = load("classifier", Settings(models=tmp_path, classifier_model=folder, provider="auto"))
    assert network.provider == "openvino"


def test_both_runtimes_give_the_shipped_segmenter_the_same_organs():
    pytest.importorskip("openvino")
    stacks = np.random.default_rng(0).integers(0, 256, (2, 1, 64, 96), dtype=np.uint8)
    first, second = (load_network(SERVICES / "segmenter", name, threads=1)(stacks) for name in runtimes.ON_PROCESSOR)
    assert np.abs(first - second).max() < 1e-5
    assert (first.argmax(axis=1) == second.argmax(axis=1)).all()
