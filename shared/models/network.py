"""Networks as functions from array to array: the only module that uses ONNX Runtime."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from shared.errors import ModelError
from shared.models.card import CARD, ModelCard, load_card, read_weights
from shared.models.onnx_providers import FIRST, Gpu, check_provider, device_of, engine_folder, providers


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A loaded model: call it with uint8 (n, channels, rows, columns).

    A classifier returns float32 (n, labels), probabilities; a segmenter float32 (n, 1 + labels, rows, columns), class
    probabilities with the background first.
    """

    card: ModelCard
    provider: str
    device: str
    _session: ort.InferenceSession
    _bound: Bound | None = None

    def __call__(self, stacks: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run the network on one batch.

        Raises MemoryError where ONNX Runtime can't allocate memory.
        """
        try:
            if self._bound is not None:
                return self._bound(stacks)
            name = self._session.get_inputs()[0].name
            output: NDArray[np.float32] = self._session.run(None, {name: np.ascontiguousarray(stacks)})[0]
            return output
        except Exception as error:  # the errors of ONNX Runtime have no common base class
            if any(text in str(error) for text in _NO_MEMORY):
                raise MemoryError("the network needs more memory") from error
            raise


_NO_MEMORY = ("Failed to allocate memory", "bad allocation", "std::bad_alloc", "out of memory")
"""Parts of ONNX Runtime's messages about memory."""
_EXTERNAL = re.compile(r"external data|external tensorproto|data of tensorproto|in-memory", re.IGNORECASE)
"""Parts of ONNX Runtime's messages about tensors whose `data_location` is EXTERNAL."""


@dataclass(slots=True, eq=False)
class Bound:
    """A session whose input and output are bound to a device's memory.

    There is one copy each way; the input buffer is reused while batches have the same shape. For one thread only.
    """

    session: ort.InferenceSession
    kind: str
    index: int
    _place: ort.OrtValue | None = field(default=None)

    def __call__(self, stacks: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run one batch."""
        stacks = np.ascontiguousarray(stacks)
        if self._place is not None and tuple(self._place.shape()) == stacks.shape:
            self._place.update_inplace(stacks)
        else:
            self._place = ort.OrtValue.ortvalue_from_numpy(stacks.copy(), self.kind, self.index)
        binding = self.session.io_binding()
        binding.bind_ortvalue_input(self.session.get_inputs()[0].name, self._place)
        binding.bind_output(self.session.get_outputs()[0].name, self.kind, self.index)
        self.session.run_with_iobinding(binding)
        output: NDArray[np.float32] = binding.copy_outputs_to_cpu()[0]
        return output


def load_network(folder: Path, provider: str = "cpu", threads: int = 0, gpu: Gpu = FIRST) -> Network:
    """Load the model of a folder (card.json and the weights it names).

    `threads` limits the processor threads of one call (0: ONNX Runtime decides). The named provider is the one that is
    used: a fallback is an error. Call this after any fork, in the process that runs the model. Raises ModelError if
    anything differs from the card.
    """
    card = load_card(folder / CARD)
    session = _session(_weights(folder, card), card, provider, threads, gpu)
    bound = None if provider == "cpu" else Bound(session, "cuda", gpu.index)
    network = Network(card, provider, device_of(provider, gpu), session, bound)
    _check_shapes(network)
    return network


def check_files(folder: Path) -> ModelCard:
    """Return the card of a model folder whose weights exist and have the card's SHA-256.

    Raises ModelError otherwise.
    """
    card = load_card(folder / CARD)
    _weights(folder, card)
    return card


def _weights(folder: Path, card: ModelCard) -> bytes:
    """Return the bytes of the weights that have the card's SHA-256: what was checked is what is loaded."""
    weights = read_weights(folder / card.weights)
    if hashlib.sha256(weights).hexdigest() != card.sha256:
        raise ModelError(f"The weights of {card.name} {card.version} do not have the SHA-256 of its card.")
    return weights


def _session(weights: bytes, card: ModelCard, provider: str, threads: int, gpu: Gpu) -> ort.InferenceSession:
    requested = providers(provider, card.sha256, gpu)
    if requested[0][0] not in ort.get_available_providers():
        raise ModelError(f"This installation of ONNX Runtime has no {provider} provider.")
    if provider == "tensorrt" and gpu.engines is not None:  # ONNX Runtime creates no parent folders
        engine_folder(gpu.engines, card.sha256).mkdir(parents=True, exist_ok=True)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    with tempfile.TemporaryDirectory(prefix="viscera-") as empty:
        # The card's SHA-256 does not cover weights in other files: ONNX Runtime looks for those in an empty folder.
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", empty)
        try:
            session = ort.InferenceSession(weights, options, providers=requested)
        except Exception as error:  # the errors of ONNX Runtime have no common base class
            if _EXTERNAL.search(str(error)):
                reason = f"{card.weights} keeps tensors in other files, which the card's SHA-256 does not cover"
                raise ModelError(f"{reason}; save the model as one file.") from error
            raise ModelError(f"ONNX Runtime can't load {card.weights} with the {provider} provider.") from error
    check_provider(session, provider)
    return session


def _check_shapes(network: Network) -> None:
    card, size = network.card, 2 * network.card.input.multiple
    sentence = f"{card.name} {card.version} does not fit its card"
    try:
        output = network(np.zeros((1, card.input.channels, size, size), dtype=np.uint8))
    except Exception as error:
        raise ModelError(f"{sentence}: it does not take uint8 stacks of {card.input.channels} slices.") from error
    expected: tuple[Any, ...] = (1, card.outputs) if card.stage == "classifier" else (1, card.outputs, size, size)
    if output.shape != expected:
        raise ModelError(f"{sentence}: it returns {output.shape} where {expected} is expected.")


@dataclass(frozen=True, slots=True)
class ModelState:
    """One line of the model list: a folder, its card if readable, and what is wrong with it."""

    folder: Path
    card: ModelCard | None
    problem: str | None


def list_models(folders: list[Path], provider: str = "cpu", thorough: bool = False) -> list[ModelState]:
    """Return the state of each model folder; with `thorough` each network is also loaded and run once."""
    return [_state(folder, provider, thorough) for folder in folders]


def _state(folder: Path, provider: str, thorough: bool) -> ModelState:
    card = None
    try:
        card = load_card(folder / CARD)
        check_files(folder)
        if thorough:
            load_network(folder, provider, threads=1)
    except ModelError as error:
        return ModelState(folder, card, error.detail)
    return ModelState(folder, card, None)


def adopt(source: Path, store: Path, provider: str = "cpu") -> ModelCard:
    """Check a model folder by running it once, copy it below `store` and make it the model of its stage.

    It is copied to `store/STAGE/NAME-VERSION-CHECKSUM`. Raises ModelError if anything differs from the card.
    """
    card = load_network(source, provider, threads=1).card
    home = store / card.stage / f"{_plain(card.name)}-{_plain(card.version)}-{card.sha256[:8]}"
    if not home.is_dir():
        part = home.with_name(home.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        for name in (CARD, card.weights):
            shutil.copyfile(source / name, part / name)
        part.replace(home)
    choice = store / card.stage / "chosen.part"
    choice.write_text(home.name, encoding="utf-8")
    choice.replace(choice.with_suffix(""))
    return card


def chosen(store: Path, stage: str) -> Path | None:
    """Return the model folder that `adopt` chose last for a stage, or None."""
    choice = store / stage / "chosen"
    if not choice.is_file():
        return None
    return store / stage / Path(choice.read_text(encoding="utf-8").strip()).name


def stored(store: Path) -> list[Path]:
    """Return all model folders below `store`, by stage and name."""
    return sorted(path.parent for path in store.glob(f"*/*/{CARD}") if path.parent.suffix != ".part")


def _plain(text: str) -> str:
    """Return the letters, digits, dots and dashes of a text, as the name of a folder."""
    return re.sub(r"[^A-Za-z0-9.-]+", "_", text).strip(".") or "model"
