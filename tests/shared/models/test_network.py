"""A model is loaded only if everything is as its card says."""

import importlib.util
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from shared.errors import ModelError
from shared.models.card import CARD, digest, load_card, save_card
from shared.models.library import adopt, chosen, list_models, stored
from shared.models.network import check_output, load_network
from shared.models.runtimes import ON_PROCESSOR
from tests.support.tiny_models import by_brightness, by_presence
from tests.support.volume_models import RAW, volume_card, volume_spec, write_volume_model


@pytest.fixture(params=ON_PROCESSOR)
def runtime(request):
    """Both runtimes of the processor keep the same contract."""
    if request.param == "openvino":
        pytest.importorskip("openvino")
    return request.param


def test_a_network_is_a_function_from_array_to_array(tmp_path, runtime):
    network = load_network(by_brightness(tmp_path), runtime, threads=1)
    assert (network.provider, network.device) == (runtime, "cpu")
    stacks = np.full((2, 3, 64, 96), 170, dtype=np.uint8)
    answer = network(stacks)
    assert answer.shape == (2, 4, 64, 96)
    assert (answer.argmax(axis=1) == 2).all()


def test_weights_with_another_checksum_are_refused(tmp_path, runtime):
    folder = by_presence(tmp_path)
    with (folder / "model.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ModelError, match="SHA-256"):
        load_network(folder, runtime)


def test_missing_weights_are_refused(tmp_path):
    folder = by_presence(tmp_path)
    (folder / "model.onnx").unlink()
    with pytest.raises(ModelError, match="missing"):
        load_network(folder)


def test_a_missing_card_is_refused(tmp_path):
    folder = by_presence(tmp_path)
    (folder / CARD).unlink()
    with pytest.raises(ModelError, match="card"):
        load_network(folder)


def test_a_network_of_another_shape_is_refused(tmp_path):
    folder = by_presence(tmp_path)
    card = load_card(folder / CARD)
    save_card(card.model_copy(update={"stage": "segmenter"}), folder / CARD)
    with pytest.raises(ModelError, match=r"returns \(1, 3\) where \(1, 4, 64, 64\) is expected"):
        load_network(folder)


def test_a_network_of_other_channels_is_refused(tmp_path):
    folder = by_presence(tmp_path)
    card = load_card(folder / CARD)
    save_card(card.model_copy(update={"input": card.input.model_copy(update={"channels": 5})}), folder / CARD)
    with pytest.raises(ModelError, match="does not take uint8 stacks of 5 slices"):
        load_network(folder)


def test_a_file_that_is_no_onnx_is_refused(tmp_path):
    import hashlib

    folder = by_presence(tmp_path)
    (folder / "model.onnx").write_bytes(b"weights")
    card = load_card(folder / CARD)
    save_card(card.model_copy(update={"sha256": hashlib.sha256(b"weights").hexdigest()}), folder / CARD)
    with pytest.raises(ModelError, match="can't load"):
        load_network(folder)


def test_a_provider_that_is_not_there_is_an_error_not_a_fallback(tmp_path):
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this installation has CUDA")
    with pytest.raises(ModelError, match="no cuda provider"):
        load_network(by_presence(tmp_path), provider="cuda")


def test_an_unknown_provider_is_refused_with_the_choices(tmp_path):
    with pytest.raises(ModelError, match="cpu, openvino, cuda, tensorrt"):
        load_network(by_presence(tmp_path), provider="abacus")


def test_the_list_says_what_is_wrong_with_each_model(tmp_path):
    good, bad = by_presence(tmp_path / "good"), by_brightness(tmp_path / "bad")
    (bad / "model.onnx").write_bytes(b"")
    states = list_models([good, bad, tmp_path / "nothing"], thorough=True)
    assert [state.problem is None for state in states] == [True, False, False]
    assert [state.card is None for state in states] == [False, False, True]


def test_an_adopted_model_is_the_one_its_stage_uses(tmp_path):
    store = tmp_path / "store"
    assert chosen(store, "segmenter") is None
    first = adopt(by_brightness(tmp_path / "one"), store)
    second = adopt(by_brightness(tmp_path / "two", version="2 (new/ish)"), store)
    assert load_network(chosen(store, "segmenter")).card == second
    adopt(tmp_path / "one", store)
    assert load_network(chosen(store, "segmenter")).card == first
    assert len(stored(store)) == 2
    assert chosen(store, "classifier") is None


def test_a_damaged_model_is_not_adopted(tmp_path):
    folder = by_brightness(tmp_path / "one")
    (folder / "model.onnx").write_bytes(b"")
    with pytest.raises(ModelError, match="SHA-256"):
        adopt(folder, tmp_path / "store")
    assert stored(tmp_path / "store") == []


@pytest.mark.parametrize("place", ["beside", "in the working folder", "above", "in memory"])
def test_weights_in_other_files_are_refused_when_a_model_is_listed_adopted_and_loaded(tmp_path, monkeypatch, place):
    folder = by_brightness(tmp_path / "model")
    model = onnx.load(folder / "model.onnx")
    (centres,) = [tensor for tensor in model.graph.initializer if tensor.name == "centres"]
    home = {"beside": folder, "in the working folder": tmp_path, "above": tmp_path}.get(place, folder)
    (home / "centres.bin").write_bytes(centres.raw_data)
    location = {"above": "../centres.bin", "in memory": "*/_ORT_MEM_ADDR_/*"}.get(place, "centres.bin")
    onnx.external_data_helper.set_external_data(centres, location, offset=0, length=len(centres.raw_data))
    centres.ClearField("raw_data")
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    save_card(load_card(folder / CARD).model_copy(update={"sha256": digest(folder / "model.onnx")}), folder / CARD)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match=r"keeps tensors in other files.* save the model as one file"):
        load_network(folder)
    with pytest.raises(ModelError, match="one file"):
        adopt(folder, tmp_path / "store")
    (state,) = list_models([folder], thorough=True)
    assert "one file" in str(state.problem)
    assert stored(tmp_path / "store") == []


def test_the_bytes_that_were_checked_are_those_that_are_loaded(tmp_path, monkeypatch):
    folder = by_brightness(tmp_path / "model")
    other = by_presence(tmp_path / "other")
    created = ort.InferenceSession

    def exchanged(model, *arguments, **more):
        shutil.copy(other / "model.onnx", folder / "model.onnx")
        return created(model, *arguments, **more)

    monkeypatch.setattr(ort, "InferenceSession", exchanged)
    assert load_network(folder)(np.zeros((1, 3, 64, 64), np.uint8)).shape == (1, 4, 64, 64)


def test_the_runtimes_send_no_telemetry(tmp_path, runtime):
    """ONNX Runtime writes its telemetry's session into the temporary folder; it is silent under CI by itself.

    OpenVINO's telemetry is a package of its own, which is not installed.
    """
    assert importlib.util.find_spec("openvino_telemetry") is None
    folder = by_presence(tmp_path / "model")
    code = "import pathlib; from shared.models.network import load_network as load; load(pathlib.Path({!r}), {!r})"
    environment = {name: value for name, value in os.environ.items() if name not in {"CI", "ORT_DISABLE_TELEMETRY"}}
    command = [sys.executable, "-P", "-c", code.format(str(folder), runtime)]
    subprocess.run(command, env=environment | {"TMPDIR": str(tmp_path)}, check=True, timeout=60)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_model_of_volumes_returns_the_mean_of_its_folds(tmp_path, runtime):
    network = load_network(write_volume_model(tmp_path, volume_card(volume_spec()), (1.0, 3.0)), runtime)
    logits = network(np.ones((1, 1, 8, 8, 8), dtype=np.float32))
    assert logits.shape == (1, 3, 8, 8, 8)
    assert np.allclose(logits[0, :, 0, 0, 0], [0.0, 2.0, 4.0])


def test_each_fold_must_have_the_checksum_of_the_card(tmp_path):
    folder = write_volume_model(tmp_path, volume_card(volume_spec()), (1.0, 3.0))
    (folder / "fold_1.onnx").write_bytes((folder / "fold_0.onnx").read_bytes())
    with pytest.raises(ModelError, match="SHA-256"):
        load_network(folder)


@pytest.mark.parametrize(
    "change", [{"patch": (8, 8, 4)}, {"channels": (RAW, RAW)}, {"patch": (8, 8), "spacing": (1.0, 1.0)}]
)
def test_a_model_of_volumes_that_declares_other_shapes_is_refused(tmp_path, change):
    folder = write_volume_model(tmp_path, volume_card(volume_spec()), (1.0,))
    card = load_card(folder / CARD)
    save_card(card.model_copy(update={"input": card.input.model_copy(update=change)}), folder / CARD)
    with pytest.raises(ModelError, match="does not fit its card"):
        load_network(folder)


def test_a_model_of_volumes_is_adopted_with_all_its_folds(tmp_path):
    source = write_volume_model(tmp_path / "new", volume_card(volume_spec()), (1.0, 3.0))
    card = adopt(source, tmp_path / "store")
    home = chosen(tmp_path / "store", "segmenter")
    assert home.name.endswith(card.identity[:8])
    assert len(load_network(home).folds) == 2


def test_a_model_is_not_to_blame_where_memory_is_short(tmp_path, monkeypatch):
    def fold(batch):
        raise RuntimeError("Failed to allocate memory for requested buffer of size 16777216")

    network = replace(load_network(by_presence(tmp_path)), folds=(fold,))
    with pytest.raises(MemoryError):
        check_output(network)

    def session(*_, **__):
        raise RuntimeError("std::bad_alloc")

    monkeypatch.setattr(ort, "InferenceSession", session)
    with pytest.raises(MemoryError):
        load_network(tmp_path)
