"""Networks as functions from array to array, on ONNX Runtime or, by `openvino_runtime`, on OpenVINO."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from shared.errors import ModelError
from shared.imaging.volume_input import VolumeInput
from shared.models.card import CARD, ModelCard, WeightsFile, load_card, read_weights
from shared.models.onnx_providers import FIRST, Gpu, check_provider, device_of, engine_folder, providers


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A loaded model: call it with uint8 (n, channels, rows, columns), or what its card says.

    A classifier returns float32 (n, labels), probabilities; a segmenter float32 (n, 1 + labels, rows, columns), class
    probabilities with the background first. A model that reads volumes takes float32 (1, channels, *patch) and returns
    logits (1, outputs, *patch), the mean of its folds. Up to `at_once` threads may call it at the same time.
    """

    card: ModelCard
    provider: str
    device: str
    folds: tuple[Callable[[NDArray[Any]], NDArray[np.float32]], ...]
    at_once: int = 1

    def __call__(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Run the model on one batch.

        Raises MemoryError where ONNX Runtime can't allocate memory.
        """
        try:
            output = self.folds[0](batch)
            for fold in self.folds[1:]:
                output = output + fold(batch)
            return output / np.float32(len(self.folds)) if len(self.folds) > 1 else output
        except Exception as error:  # the errors of ONNX Runtime have no common base class
            if _is_about_memory(error):
                raise MemoryError("the network needs more memory") from error
            raise


MOST_AT_ONCE = 8
"""Batches that a network computes at the same time at most: each needs memory of its own."""
_NO_MEMORY = ("Failed to allocate memory", "bad allocation", "std::bad_alloc", "out of memory")
"""Parts of ONNX Runtime's messages about memory."""
_EXTERNAL = re.compile(r"external data|external tensorproto|data of tensorproto|in-memory", re.IGNORECASE)
"""Parts of ONNX Runtime's messages about tensors whose `data_location` is EXTERNAL."""


def _is_about_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or any(text in str(error) for text in _NO_MEMORY)


@dataclass(slots=True, eq=False)
class Fold:
    """The network of one file of weights.

    On a GPU its input and output are bound to the device's memory: there is one copy each way, and the input buffer is
    reused while batches have the same shape; only one thread may call it.
    """

    session: ort.InferenceSession
    kind: str | None
    index: int
    _place: ort.OrtValue | None = field(default=None)

    def __call__(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Run one batch."""
        batch = np.ascontiguousarray(batch)
        output: NDArray[np.float32]
        if self.kind is None:
            output = self.session.run(None, {self.session.get_inputs()[0].name: batch})[0]
            return output
        if self._place is not None and tuple(self._place.shape()) == batch.shape:
            self._place.update_inplace(batch)
        else:
            self._place = ort.OrtValue.ortvalue_from_numpy(batch.copy(), self.kind, self.index)
        binding = self.session.io_binding()
        binding.bind_ortvalue_input(self.session.get_inputs()[0].name, self._place)
        binding.bind_output(self.session.get_outputs()[0].name, self.kind, self.index)
        self.session.run_with_iobinding(binding)
        output = binding.copy_outputs_to_cpu()[0]
        return output


def load_network(folder: Path, provider: str = "cpu", threads: int = 0, gpu: Gpu = FIRST) -> Network:
    """Load the model of a folder (card.json and the weights it names).

    `threads` limits the processor threads of all calls (0: one for each core). The named provider is the one that is
    used: a fallback is an error. A network that reads volumes is checked by the shapes that it declares, others by
    running them once. Call this after any fork, in the process that runs the model. Raises ModelError if
    anything differs from the card.
    """
    card = load_card(folder / CARD)
    at_once, threads = _shared_out(card, provider, threads)
    folds = (_fold(_weights(folder, card, file), card, file, provider, threads, gpu) for file in card.files)
    network = Network(card, provider, device_of(provider, gpu), tuple(folds), at_once)
    if not isinstance(card.input, VolumeInput):  # a window takes seconds
        check_output(network)
    return network


def _shared_out(card: ModelCard, provider: str, threads: int) -> tuple[int, int]:
    """Return how many calls may run at the same time, and the threads of each.

    Calls with one thread each never wait for one another, as the threads of one call do after every layer: where
    another process needs a core for a moment, the other batches go on. A window of a volume is too large for that.
    """
    if provider != "cpu" or isinstance(card.input, VolumeInput):
        return 1, threads
    cores = threads or _cores()
    at_once = min(cores, MOST_AT_ONCE)
    return at_once, cores // at_once


def _cores() -> int:
    """Return the processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _fold(  # noqa: PLR0917
    weights: bytes, card: ModelCard, file: WeightsFile, provider: str, threads: int, gpu: Gpu
) -> Callable[[NDArray[Any]], NDArray[np.float32]]:
    runs_openvino = provider == "openvino"
    session = _session(weights, file, "cpu" if runs_openvino else provider, threads, gpu)
    if isinstance(card.input, VolumeInput):
        _check_declared(session, card, file, card.input)
    if not runs_openvino:
        return Fold(session, None if provider == "cpu" else "cuda", gpu.index)
    if importlib.util.find_spec("openvino") is None:
        raise ModelError("OpenVINO is not installed here.")
    # Not every installation has it. ONNX Runtime has refused tensors in other files before.
    from shared.models.openvino_runtime import compile_weights

    return compile_weights(weights, threads)


def check_files(folder: Path) -> ModelCard:
    """Return the card of a model folder whose weights exist and have the card's SHA-256.

    Raises ModelError otherwise.
    """
    card = load_card(folder / CARD)
    for file in card.files:
        _weights(folder, card, file)
    return card


def _weights(folder: Path, card: ModelCard, file: WeightsFile) -> bytes:
    """Return the bytes of the weights that have the card's SHA-256: what was checked is what is loaded."""
    weights = read_weights(folder / file.weights)
    if hashlib.sha256(weights).hexdigest() != file.sha256:
        raise ModelError(f"The weights of {card.name} {card.version} do not have the SHA-256 of its card.")
    return weights


def _session(weights: bytes, file: WeightsFile, provider: str, threads: int, gpu: Gpu) -> ort.InferenceSession:
    requested = providers(provider, file.sha256, gpu)
    if requested[0][0] not in ort.get_available_providers():
        raise ModelError(f"This installation of ONNX Runtime has no {provider} provider.")
    if provider == "tensorrt" and gpu.engines is not None:  # ONNX Runtime creates no parent folders
        engine_folder(gpu.engines, file.sha256).mkdir(parents=True, exist_ok=True)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # A thread that waits by spinning takes the core from another stage, and is not faster.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    with tempfile.TemporaryDirectory(prefix="viscera-") as empty:
        # The card's SHA-256 does not cover weights in other files: ONNX Runtime looks for those in an empty folder.
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", empty)
        try:
            session = ort.InferenceSession(weights, options, providers=requested)
        except Exception as error:  # the errors of ONNX Runtime have no common base class
            if _is_about_memory(error):
                raise MemoryError("the network needs more memory") from error
            if _EXTERNAL.search(str(error)):
                reason = f"{file.weights} keeps tensors in other files, which the card's SHA-256 does not cover"
                raise ModelError(f"{reason}; save the model as one file.") from error
            raise ModelError(f"ONNX Runtime can't load {file.weights} with the {provider} provider.") from error
    check_provider(session, provider)
    return session


def check_output(network: Network) -> None:
    """Run the network once on the smallest batch.

    Raises ModelError if it does not fit its card.
    """
    card = network.card
    sentence = f"{card.name} {card.version} does not fit its card"
    example, expected, takes = _example(card)
    try:
        output = network(example)
    except MemoryError:
        raise  # the model is not to blame
    except Exception as error:
        raise ModelError(f"{sentence}: it does not take {takes}.") from error
    if output.shape != expected:
        raise ModelError(f"{sentence}: it returns {output.shape} where {expected} is expected.")


def _check_declared(session: ort.InferenceSession, card: ModelCard, file: WeightsFile, spec: VolumeInput) -> None:
    expected = ([1, len(spec.channels), *spec.patch], [1, card.outputs, *spec.patch])
    inputs, outputs = session.get_inputs(), session.get_outputs()
    fits = len(inputs) == 1 and inputs[0].type == "tensor(float)"
    for declared, shape in zip((inputs[0].shape, outputs[0].shape), expected, strict=True):
        known = [size if isinstance(size, int) else wanted for size, wanted in zip(declared, shape, strict=False)]
        fits = fits and len(declared) == len(shape) and known == shape
    if not fits:
        wanted = " and ".join(" x ".join(map(str, shape)) for shape in expected)
        raise ModelError(f"{file.weights} of {card.name} {card.version} does not fit its card: {wanted} is needed.")


def _example(card: ModelCard) -> tuple[NDArray[Any], tuple[int, ...], str]:
    """Return an input of the model, the shape of its output, and what it takes in words."""
    if isinstance(card.input, VolumeInput):
        channels, patch = len(card.input.channels), card.input.patch
        takes = f"float32 windows of {channels} channels and {' x '.join(map(str, patch))} voxels"
        return np.zeros((1, channels, *patch), dtype=np.float32), (1, card.outputs, *patch), takes
    channels, size = card.input.channels, 2 * card.input.multiple
    expected = (1, card.outputs) if card.stage == "classifier" else (1, card.outputs, size, size)
    return np.zeros((1, channels, size, size), dtype=np.uint8), expected, f"uint8 stacks of {channels} slices"
