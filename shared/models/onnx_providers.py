"""Where networks run: ONNX Runtime's execution providers, their options, and whether the one asked for was taken.

Options: ONNX Runtime, "CUDA Execution Provider" and "TensorRT Execution Provider".
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import onnxruntime as ort

from shared.errors import ModelError

Provider = Literal["cpu", "cuda", "tensorrt"]
NAMES = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider", "tensorrt": "TensorrtExecutionProvider"}
HEAVY = frozenset({"Conv", "ConvTranspose", "MatMul", "Gemm", "FusedConv", "FusedMatMul", "FusedGemm"})
"""Operators that are most of a network's work."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU as a worker uses it.

    `index` counts the GPUs that the process sees; `memory` bounds the arena in bytes (0: no bound), which holds weights
    and activations but not what CUDA and cuDNN take beside it. `search` is how cuDNN finds a convolution: `exhaustive`
    tries them all anew for each shape. `engines` is where TensorRT keeps what it built; None: nowhere.
    """

    index: int = 0
    memory: int = 0
    search: Literal["heuristic", "exhaustive", "default"] = "heuristic"
    engines: Path | None = None


FIRST = Gpu()


def providers(provider: str, sha256: str, gpu: Gpu) -> list[tuple[str, dict[str, str]]]:
    """What a session of the model with this SHA-256 is asked to run on, first choice first; ModelError if unknown."""
    if provider == "cpu":
        return [(NAMES["cpu"], {})]
    if provider == "cuda":
        return [(NAMES["cuda"], _cuda(gpu))]
    if provider == "tensorrt":  # what TensorRT does not know runs on CUDA
        return [(NAMES["tensorrt"], _tensorrt(gpu, sha256)), (NAMES["cuda"], _cuda(gpu))]
    raise ModelError(f"There is no provider {provider!r}; choose one of {', '.join(NAMES)}.")


def _cuda(gpu: Gpu) -> dict[str, str]:
    options = {
        "device_id": str(gpu.index),
        "arena_extend_strategy": "kSameAsRequested",  # doubling would take memory that other workers need
        "cudnn_conv_algo_search": gpu.search.upper(),
        "use_tf32": "0",  # fp32 stays fp32; whoever wants speed takes the fp16 variant, whose loss is measured
    }
    return options | ({"gpu_mem_limit": str(gpu.memory)} if gpu.memory else {})


def _tensorrt(gpu: Gpu, sha256: str) -> dict[str, str]:
    options = {"device_id": str(gpu.index), "trt_fp16_enable": "0"}
    if gpu.engines is None:
        return options
    folder = str(engine_folder(gpu.engines, sha256))
    cache = {"trt_engine_cache_enable": "1", "trt_engine_cache_path": folder}
    return options | cache | {"trt_timing_cache_enable": "1", "trt_timing_cache_path": folder}


def engine_folder(engines: Path, sha256: str) -> Path:
    """Where the engines of one model lie: other weights never meet them."""
    return engines / sha256


def check_provider(session: ort.InferenceSession, provider: str) -> None:
    """ModelError if the session fell back from this provider, as a whole or in any operator that counts."""
    first = session.get_providers()[0]
    if first != NAMES[provider]:
        raise ModelError(f"ONNX Runtime fell back from {provider} to {first}.")
    parts = session.get_provider_graph_assignment_info()
    check_nodes(((part.ep_name, node.op_type) for part in parts for node in part.get_nodes()), provider)


def check_nodes(assigned: Iterable[tuple[str, str]], provider: str) -> None:
    """ModelError if a heavy operator of the (provider, operator) pairs is left to the processor against the wish."""
    left = [kind for name, kind in assigned if name == NAMES["cpu"] and kind in HEAVY]
    if left and provider != "cpu":
        raise ModelError(
            f"ONNX Runtime runs {len(left)} operators ({left[0]}, ...) on the processor, not on {provider}."
        )


def device_of(provider: str, gpu: Gpu) -> str:
    """The device in words for people: `cpu`, or `cuda:0` and the GPU's name where the driver tells it."""
    if provider == "cpu":
        return "cpu"
    return f"cuda:{gpu.index} {_gpu_name(gpu.index)}".strip()


def _gpu_name(index: int) -> str:
    """The name of a GPU as the CUDA driver has it (cuDeviceGetName), or nothing."""
    name, device = ctypes.create_string_buffer(100), ctypes.c_int()
    with suppress(OSError, AttributeError):
        driver = ctypes.CDLL("libcuda.so.1")
        if driver.cuInit(0) == 0 and driver.cuDeviceGet(ctypes.byref(device), index) == 0:
            driver.cuDeviceGetName(name, len(name), device)
    return name.value.decode(errors="replace")
