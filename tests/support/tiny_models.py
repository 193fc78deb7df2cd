"""Model folders small enough to reason about: real ONNX, made node by node."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from shared.imaging.input_spec import InputSpec
from shared.imaging.volume import ORGANS
from shared.models.card import CARD, ModelCard, digest, save_card


def tiny_card(stage: str, **more: object) -> ModelCard:
    """A card for a tiny model."""
    facts = {
        "name": f"tiny-{stage}",
        "version": "1",
        "stage": stage,
        "sha256": "0" * 64,
        "labels": tuple(organ.name for organ in ORGANS),
        "licence": "Apache-2.0",
        "input": InputSpec(),
    }
    return ModelCard.model_validate(facts | more)


def write_model(folder: Path, nodes: list, constants: dict[str, np.ndarray], card: ModelCard) -> Path:
    """A model whose `nodes` turn "stacks" (uint8) into "out" (float32), with its card."""
    folder.mkdir(parents=True, exist_ok=True)
    channels = card.slices.channels
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("stacks", TensorProto.UINT8, ["n", channels, "rows", "columns"])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, folder / card.weights)
    save_card(card.model_copy(update={"sha256": digest(folder / card.weights)}), folder / CARD)
    return folder


def by_brightness(folder: Path, **more: object) -> Path:
    """A segmenter that calls grey levels near 85, 170 and 255 (of 255) stomach, small and large bowel."""
    centres = np.array([0.0, 85.0, 170.0, 255.0], dtype=np.float32).reshape(1, 4, 1, 1)
    nodes = [
        helper.make_node("Cast", ["stacks"], ["levels"], to=TensorProto.FLOAT),
        helper.make_node("Slice", ["levels", "one", "two", "axis"], ["middle"]),
        helper.make_node("Sub", ["middle", "centres"], ["away"]),
        helper.make_node("Mul", ["away", "away"], ["square"]),
        helper.make_node("Mul", ["square", "scale"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["out"], axis=1),
    ]
    constants = {
        "one": np.array([1]),
        "two": np.array([2]),
        "axis": np.array([1]),
        "centres": centres,
        "scale": np.array(-0.01, dtype=np.float32),
    }
    return write_model(folder, nodes, constants, tiny_card("segmenter", **more))


def by_presence(folder: Path, **more: object) -> Path:
    """A classifier whose three scores are all the brightest grey level of the middle slice, 0 to 1."""
    nodes = [
        helper.make_node("Cast", ["stacks"], ["levels"], to=TensorProto.FLOAT),
        helper.make_node("Slice", ["levels", "one", "two", "axis"], ["middle"]),
        helper.make_node("ReduceMax", ["middle"], ["brightest"], axes=[2, 3], keepdims=0),
        helper.make_node("Div", ["brightest", "full"], ["share"]),
        helper.make_node("Concat", ["share", "share", "share"], ["out"], axis=1),
    ]
    constants = {
        "one": np.array([1]),
        "two": np.array([2]),
        "axis": np.array([1]),
        "full": np.array(255.0, dtype=np.float32),
    }
    return write_model(folder, nodes, constants, tiny_card("classifier", **{"threshold": 0.5} | more))


def tiny_models(folder: Path) -> dict[str, str]:
    """Makes both networks for coarse scans; the settings that name them."""
    card = {"input": InputSpec(spacing_mm=6.0, slice_mm=14.0)}
    first, second = by_presence(folder / "classifier", **card), by_brightness(folder / "segmenter", **card)
    return {"VISCERA_CLASSIFIER_MODEL": str(first), "VISCERA_SEGMENTER_MODEL": str(second)}
