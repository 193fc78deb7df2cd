"""Networks as functions from array to array: the only place where ONNX Runtime is known."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from shared.card import CARD, ModelCard, digest, load_card
from shared.errors import ModelError

Provider = Literal["cpu", "cuda", "tensorrt"]
_NAMES = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider", "tensorrt": "TensorrtExecutionProvider"}


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A loaded model: call it with uint8 (n, channels, rows, columns).

    A classifier answers float32 (n, labels), probabilities; a segmenter float32 (n, 1 + labels, rows, columns),
    class probabilities with the background first.
    """

    card: ModelCard
    provider: str
    _session: ort.InferenceSession

    def __call__(self, stacks: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run the network on one batch."""
        name = self._session.get_inputs()[0].name
        answer: NDArray[np.float32] = self._session.run(None, {name: np.ascontiguousarray(stacks)})[0]
        return answer


def load_network(folder: Path, provider: str = "cpu", threads: int = 0) -> Network:
    """Load the model of a folder (card.json and the weights it names); ModelError if anything is not as its card says.

    `threads` limits the processor threads of one call (0: ONNX Runtime decides). The provider named is the one used:
    falling back to another is an error. Call this in the process that will run the model, after any fork.
    """
    card = check_files(folder)
    network = Network(card, provider, _session(folder / card.weights, provider, threads))
    _check_shapes(network)
    return network


def check_files(folder: Path) -> ModelCard:
    """The card of a model folder whose weights are there and have the card's SHA-256; ModelError otherwise."""
    card = load_card(folder / CARD)
    if digest(folder / card.weights) != card.sha256:
        raise ModelError(f"The weights of {card.name} {card.version} are not those its card names (SHA-256 differs).")
    return card


def _session(weights: Path, provider: str, threads: int) -> ort.InferenceSession:
    if provider not in get_args(Provider):
        raise ModelError(f"There is no provider {provider!r}; choose one of {', '.join(_NAMES)}.")
    wanted = _NAMES[provider]
    if wanted not in ort.get_available_providers():
        raise ModelError(f"This installation of ONNX Runtime has no {provider} provider.")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = ort.InferenceSession(weights, options, providers=[wanted])
    except Exception as error:  # the runtime's errors share no base class
        raise ModelError(f"ONNX Runtime can't load {weights.name} with the {provider} provider.") from error
    if session.get_providers()[0] != wanted:
        raise ModelError(f"ONNX Runtime fell back from {provider} to {session.get_providers()[0]}.")
    return session


def _check_shapes(network: Network) -> None:
    card, size = network.card, 2 * network.card.input.multiple
    sentence = f"{card.name} {card.version} does not fit its card"
    try:
        answer = network(np.zeros((1, card.input.channels, size, size), dtype=np.uint8))
    except Exception as error:
        raise ModelError(f"{sentence}: it does not take uint8 stacks of {card.input.channels} slices.") from error
    expected: tuple[Any, ...] = (1, card.outputs) if card.stage == "classifier" else (1, card.outputs, size, size)
    if answer.shape != expected:
        raise ModelError(f"{sentence}: it answers {answer.shape} where {expected} is expected.")


@dataclass(frozen=True, slots=True)
class ModelState:
    """One line of the model list: a folder, its card if readable, and what is wrong with it, if anything."""

    folder: Path
    card: ModelCard | None
    problem: str | None


def list_models(folders: list[Path], provider: str = "cpu", thorough: bool = False) -> list[ModelState]:
    """The state of each model folder: its files checked, and with `thorough` loaded and run once as well."""
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
    """Check a model folder by running it once, copy it below `store` and make it the one its stage uses.

    It goes to `store/STAGE/NAME-VERSION-CHECKSUM`; ModelError if anything is not as its card says.
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
    """The model folder that `adopt` chose last for a stage, or None."""
    choice = store / stage / "chosen"
    if not choice.is_file():
        return None
    return store / stage / Path(choice.read_text(encoding="utf-8").strip()).name


def stored(store: Path) -> list[Path]:
    """All model folders below `store`, by stage and name."""
    return sorted(path.parent for path in store.glob(f"*/*/{CARD}") if path.parent.suffix != ".part")


def _plain(text: str) -> str:
    """Letters, digits, dots and dashes of a text: a name fit for a folder."""
    return re.sub(r"[^A-Za-z0-9.-]+", "_", text).strip(".") or "model"
