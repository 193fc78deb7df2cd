"""ONNX Runtime's execution providers: options, and the check that the requested one is used.

Options: ONNX Runtime, "CUDA Execution Provider" and "TensorRT Execution Provider".
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import onnxruntime as ort

from shared.errors import ModelError

Provider = Literal["cpu", "openvino", "cuda", "tensorrt"]
NAMES = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider", "tensorrt": "TensorrtExecutionProvider"}
HEAVY = frozenset({"Conv", "ConvTranspose", "MatMul", "Gemm", "FusedConv", "FusedMatMul", "FusedGemm"})
"""Operators that do most of a network's work."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU as a worker uses it.

    `index` counts the GPUs that the process sees. `memory` limits the arena in bytes (0: no limit), which has weights
    and activations but not what CUDA and cuDNN allocate beside it. `search` is how cuDNN chooses a convolution:
    `exhaustive` tries all for each shape. `engines` is where TensorRT stores its engines; None: nowhere.
    """

    index: int = 0
    memory: int = 0
    search: Literal["heuristic", "exhaustive", "default"] = "heuristic"
    engines: Path | None = None


FIRST = Gpu()


def providers(provider: str, sha256: str, gpu: Gpu) -> list[tuple[str, dict[str, str]]]:
    """Return the providers of a session for the model with this SHA-256, first choice first.

    Raises ModelError for an unknown one.
    """
    if provider == "cpu":
        return [(NAMES["cpu"], {})]
    if provider == "cuda":
        return [(NAMES["cuda"], _cuda(gpu))]
    if provider == "tensorrt":  # CUDA runs what TensorRT does not support
        return [(NAMES["tensorrt"], _tensorrt(gpu, sha256)), (NAMES["cuda"], _cuda(gpu))]
    raise ModelError(f"There is no provider {provider!r}; choose one of {', '.join(get_args(Provider))}.")


def _cuda(gpu: Gpu) -> dict[str, str]:
    options = {
        "device_id": str(gpu.index),
        "arena_extend_strategy": "kSameAsRequested",  # doubling would take memory that other workers need
        "cudnn_conv_algo_search": gpu.search.upper(),
        "use_tf32": "0",  # fp32 stays fp32; the fp16 variant is faster, and its loss is measured
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
    """Return the folder of one model's engines: other weights never use them."""
    return engines / sha256


def check_provider(session: ort.InferenceSession, provider: str) -> None:
    """Check that the session did not fall back from this provider, as a whole or in a heavy operator.

    Raises ModelError.
    """
    first = session.get_providers()[0]
    if first != NAMES[provider]:
        raise ModelError(f"ONNX Runtime fell back from {provider} to {first}.")
    parts = session.get_provider_graph_assignment_info()
    check_nodes(((part.ep_name, node.op_type) for part in parts for node in part.get_nodes()), provider)


def check_nodes(assigned: Iterable[tuple[str, str]], provider: str) -> None:
    """Check that no heavy operator of the (provider, operator) pairs runs on the processor.

    Raises ModelError.
    """
    left = [kind for name, kind in assigned if name == NAMES["cpu"] and kind in HEAVY]
    if left and provider != "cpu":
        raise ModelError(
            f"ONNX Runtime runs {len(left)} operators ({left[0]}, ...) on the processor, not on {provider}."
        )


def device_of(provider: str, gpu: Gpu) -> str:
    """Return the device in words: `cpu`, or `cuda:0` and the GPU's name if the driver reports it."""
    if provider in {"cpu", "openvino"}:
        return "cpu"
    return f"cuda:{gpu.index} {_gpu_name(gpu.index)}".strip()


def _gpu_name(index: int) -> str:
    """Return the name of a GPU from the CUDA driver (cuDeviceGetName), or an empty text."""
    name, device = ctypes.create_string_buffer(100), ctypes.c_int()
    with suppress(OSError, AttributeError):
        driver = ctypes.CDLL("libcuda.so.1")
        if driver.cuInit(0) == 0 and driver.cuDeviceGet(ctypes.byref(device), index) == 0:
            driver.cuDeviceGetName(name, len(name), device)
    return name.value.decode(errors="replace")
