"""Providers are asked for with the right options, and a fallback is an error."""

import numpy as np
import onnxruntime as ort
import pytest

from shared.errors import ModelError
from shared.models.network import Fold, load_network
from shared.models.onnx_providers import NAMES, Gpu, check_nodes, check_provider, device_of, engine_folder, providers
from tests.support.tiny_models import by_brightness

SHA = "ab" * 32


def session(folder, wanted):
    options = ort.SessionOptions()
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    return ort.InferenceSession(by_brightness(folder) / "model.onnx", options, providers=wanted)


def test_a_gpu_is_asked_for_by_its_index_with_a_bounded_arena():
    ((name, options),) = providers("cuda", SHA, Gpu(index=2, memory=2**30, search="exhaustive"))
    assert name == "CUDAExecutionProvider"
    assert options["device_id"] == "2"
    assert options["gpu_mem_limit"] == str(2**30)
    assert options["arena_extend_strategy"] == "kSameAsRequested"
    assert options["cudnn_conv_algo_search"] == "EXHAUSTIVE"
    assert "gpu_mem_limit" not in providers("cuda", SHA, Gpu())[0][1]


def test_engines_of_tensorrt_lie_under_the_checksum_of_their_model(tmp_path):
    (first, options), (second, _) = providers("tensorrt", SHA, Gpu(engines=tmp_path))
    assert (first, second) == ("TensorrtExecutionProvider", "CUDAExecutionProvider")
    assert options["trt_engine_cache_enable"] == "1"
    assert options["trt_engine_cache_path"] == str(tmp_path / SHA)
    assert engine_folder(tmp_path, SHA) != engine_folder(tmp_path, "cd" * 32)
    assert "trt_engine_cache_path" not in providers("tensorrt", SHA, Gpu())[0][1]


def test_the_processor_takes_no_options():
    assert providers("cpu", SHA, Gpu(index=3)) == [("CPUExecutionProvider", {})]


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_session_that_silently_fell_back_is_refused(tmp_path):
    if "CUDAExecutionProvider" in ort.get_available_providers():
        pytest.skip("this installation has CUDA")
    fallen = session(tmp_path, ["CUDAExecutionProvider"])  # ONNX Runtime warns and takes the processor
    with pytest.raises(ModelError, match="fell back from cuda to CPUExecutionProvider"):
        check_provider(fallen, "cuda")
    check_provider(fallen, "cpu")


def test_operators_left_to_the_processor_are_a_fallback_too():
    cuda, cpu = NAMES["cuda"], NAMES["cpu"]
    check_nodes([(cuda, "Conv"), (cpu, "Shape"), (cpu, "Gather")], "cuda")
    with pytest.raises(ModelError, match=r"runs 1 operators \(Conv, ...\) on the processor, not on cuda"):
        check_nodes([(cuda, "Conv"), (cpu, "Conv")], "cuda")


def test_the_operators_of_a_real_session_are_known(tmp_path):
    parts = session(tmp_path, ["CPUExecutionProvider"]).get_provider_graph_assignment_info()
    found = [(part.ep_name, node.op_type) for part in parts for node in part.get_nodes()]
    assert (NAMES["cpu"], "Softmax") in found


def test_bound_input_and_output_answer_as_a_plain_call_does(tmp_path):
    folder = by_brightness(tmp_path)
    network = load_network(folder)
    bound = Fold(ort.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"]), "cpu", 0)
    rng = np.random.default_rng(0)
    batches = [rng.integers(0, 256, (n, 3, 32, 64), dtype=np.uint8) for n in (4, 4, 2, 4)]
    answers = [bound(batch) for batch in batches]
    for batch, answer in zip(batches, answers, strict=True):  # an earlier answer outlives the later batches
        assert np.array_equal(answer, network(batch))


def test_the_device_is_told_in_words():
    assert device_of("cpu", Gpu()) == "cpu"
    assert device_of("cuda", Gpu(index=1)).startswith("cuda:1")
