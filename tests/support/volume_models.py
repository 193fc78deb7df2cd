"""Models that read volumes, small enough to reason about: a card, and a function or a few nodes as network."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from shared.imaging.volume_input import Channel, ChannelNormalisation, VolumeInput
from shared.models.card import CARD, ModelCard, WeightsFile, digest, save_card
from shared.models.network import Network

RAW = Channel(name="image", normalisation=ChannelNormalisation(scheme="none"))


def volume_spec(**more: object) -> VolumeInput:
    """An input of one channel without normalisation, on voxels of 1 mm."""
    return VolumeInput.model_validate({"channels": (RAW,), "spacing": (1.0, 1.0, 1.0), "patch": (8, 8, 8)} | more)


def volume_card(spec: VolumeInput, labels: int = 2, label_table: Sequence[dict] = (), **more: object) -> ModelCard:
    """A card of a model with labels part_1, part_2 and so on, or those of a table."""
    facts = {
        "name": "tiny-volume",
        "version": "1",
        "stage": "segmenter",
        "sha256": "0" * 64,
        "labels": tuple(label_table)
        or tuple({"id": number + 1, "name": f"part_{number + 1}"} for number in range(labels)),
        "licence": "Apache-2.0",
        "input": spec,
    }
    return ModelCard.model_validate(facts | more)


def network_of(card: ModelCard, run: Callable) -> Network:
    """A network that is a function from windows to logits."""
    return Network(card, "cpu", "cpu", (run,))


def by_value(windows: np.ndarray) -> np.ndarray:
    """Logits of background, 1 and 2: highest where the first channel is near 0, 100 and 200."""
    first = windows[:, :1]
    return np.concatenate([-np.abs(first - centre) / 50.0 for centre in (0.0, 100.0, 200.0)], axis=1)


def write_value_model(folder: Path, card: ModelCard, step: float = 10.0) -> Path:
    """A model folder whose label is the number that the value is nearest to, in multiples of `step`."""
    folder.mkdir(parents=True, exist_ok=True)
    channels, patch = len(card.input.channels), card.input.patch
    centres = np.arange(card.outputs, dtype=np.float32).reshape(1, -1, *(1 for _ in patch)) * np.float32(step)
    # The nearest centre c has the largest 2 c x - c^2.
    nodes = [
        helper.make_node("Mul", ["window", "slope"], ["sloped"]),
        helper.make_node("Add", ["sloped", "offset"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "values",
        [helper.make_tensor_value_info("window", TensorProto.FLOAT, [1, channels, *patch])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, card.outputs, *patch])],
        [numpy_helper.from_array(2 * centres / 100, "slope"), numpy_helper.from_array(-(centres**2) / 100, "offset")],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), folder / "model.onnx"
    )
    save_card(card.model_copy(update={"weights": "model.onnx", "sha256": digest(folder / "model.onnx")}), folder / CARD)
    return folder


def write_volume_model(folder: Path, card: ModelCard, factors: Sequence[float]) -> Path:
    """A model folder with one fold per factor: output i is the first channel times i times the factor."""
    folder.mkdir(parents=True, exist_ok=True)
    channels, patch = len(card.input.channels), card.input.patch
    files = []
    for number, factor in enumerate(factors):
        weights = np.arange(card.outputs, dtype=np.float32).reshape(1, -1, *(1 for _ in patch)) * np.float32(factor)
        nodes = [
            helper.make_node("Slice", ["window", "zero", "one", "one"], ["first"]),
            helper.make_node("Mul", ["first", "weights"], ["logits"]),
        ]
        graph = helper.make_graph(
            nodes,
            "tiny",
            [helper.make_tensor_value_info("window", TensorProto.FLOAT, [1, channels, *patch])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, card.outputs, *patch])],
            [
                numpy_helper.from_array(np.array([0]), "zero"),
                numpy_helper.from_array(np.array([1]), "one"),
                numpy_helper.from_array(weights, "weights"),
            ],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        path = folder / f"fold_{number}.onnx"
        onnx.save(model, path)
        files.append(WeightsFile(weights=path.name, sha256=digest(path)))
    first, *others = files
    known = {"weights": first.weights, "sha256": first.sha256, "other_folds": tuple(others)}
    save_card(card.model_copy(update=known), folder / CARD)
    return folder
