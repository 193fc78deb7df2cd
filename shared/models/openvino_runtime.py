"""OpenVINO as a second runtime for networks on the processor: the same weights, often in less time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray

from shared.errors import ModelError

_OPTIONS = {
    "PERFORMANCE_HINT": "LATENCY",
    "INFERENCE_PRECISION_HINT": "f32",  # processors with AMX would compute in bfloat16 otherwise
}


@dataclass(slots=True, eq=False)
class OpenVinoFold:
    """The network of one file of weights. For one thread only."""

    model: openvino.CompiledModel
    _request: openvino.InferRequest = field(init=False)

    def __post_init__(self) -> None:
        self._request = self.model.create_infer_request()

    def __call__(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Run one batch."""
        output: NDArray[np.float32] = self._request.infer([np.ascontiguousarray(batch)])[self.model.outputs[0]]
        return output


def compile_weights(weights: bytes, threads: int) -> OpenVinoFold:
    """Compile an ONNX file for this processor with so many threads (0: OpenVINO decides).

    Raises ModelError where OpenVINO can't, or uses another device.
    """
    options: dict[str, Any] = _OPTIONS | ({"INFERENCE_NUM_THREADS": threads} if threads else {})
    core = openvino.Core()
    try:
        model = core.compile_model(core.read_model(model=weights), "CPU", options)
    except Exception as error:  # OpenVINO raises RuntimeError and subclasses of its own
        raise ModelError("OpenVINO can't load the weights of this model.") from error
    devices = model.get_property("EXECUTION_DEVICES")
    if list(devices) != ["CPU"]:
        raise ModelError(f"OpenVINO runs the model on {', '.join(devices)}, not on the processor.")
    return OpenVinoFold(model)
