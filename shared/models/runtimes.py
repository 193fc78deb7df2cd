"""Which runtime is faster for a model on this processor: `viscera models verify` measures it and writes it down."""

from __future__ import annotations

import importlib.util
import json
import platform
import time
from contextlib import suppress
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.errors import ModelError
from shared.imaging.volume_input import VolumeInput
from shared.models.batches import outputs
from shared.models.card import CARD, ModelCard, load_card
from shared.models.network import load_network

AUTO = "auto"
ON_PROCESSOR = ("cpu", "openvino")
"""Providers that run on the processor; the first one is used where nothing was measured."""
RECORD = "runtimes.json"
_REPEATS = 5
_CLEARLY = 0.95
"""A runtime replaces the first one below this part of its time: less may be chance."""


def resolve(provider: str, folder: Path, store: Path) -> str:
    """Return the provider of a model folder: the configured one, or with `auto` the fastest on the processor."""
    return fastest(folder, store) if provider == AUTO else provider


def fastest(folder: Path, store: Path) -> str:
    """Return the provider that was measured as fastest for a model folder on this processor, or `cpu`."""
    with suppress(OSError, ValueError, KeyError, TypeError, ModelError):
        measured = json.loads((store / RECORD).read_text())[load_card(folder / CARD).identity]
        if measured["processor"] == processor() and set(measured["seconds"]) <= set(_installed()):
            first = measured["seconds"][ON_PROCESSOR[0]]
            name, seconds = min(measured["seconds"].items(), key=itemgetter(1))
            return str(name) if seconds < _CLEARLY * first else ON_PROCESSOR[0]
    return ON_PROCESSOR[0]


def _installed() -> list[str]:
    """Return the runtimes that are installed here; ONNX Runtime always is."""
    return [name for name in ON_PROCESSOR if name == ON_PROCESSOR[0] or importlib.util.find_spec(name) is not None]


def measure(folder: Path, store: Path, threads: int) -> dict[str, float]:
    """Return the shortest seconds of one batch by provider, one after the other in turn; write them to the store.

    Raises ModelError where a runtime can't run the model.
    """
    networks = {provider: load_network(folder, provider, threads) for provider in _installed()}
    batch = _batch(networks[ON_PROCESSOR[0]].card)
    work = [(np.arange(len(batch)), batch)] * networks[ON_PROCESSOR[0]].at_once
    times: dict[str, list[float]] = {provider: [] for provider in networks}
    for _ in range(_REPEATS + 1):
        for provider, network in networks.items():
            started = time.perf_counter()
            for _ in outputs(network, work):
                pass
            times[provider].append((time.perf_counter() - started) / len(work))
    seconds = {provider: round(min(runs[1:]), 4) for provider, runs in times.items()}  # the first run compiles
    _record(store / RECORD, networks[ON_PROCESSOR[0]].card.identity, {"processor": processor(), "seconds": seconds})
    return seconds


def _batch(card: ModelCard) -> NDArray[Any]:
    """Return a window of the model, or eight slices of about 256 pixels, with random values."""
    noise = np.random.default_rng(0)
    if isinstance(card.input, VolumeInput):
        return noise.normal(size=(1, len(card.input.channels), *card.input.patch)).astype(np.float32)
    side = -(-256 // card.input.multiple) * card.input.multiple
    return noise.integers(0, 256, (8, card.input.channels, side, side), dtype=np.uint8)


def _record(path: Path, identity: str, measured: dict[str, Any]) -> None:
    records: dict[str, Any] = {}
    with suppress(OSError, ValueError):
        records = json.loads(path.read_text())
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(records | {identity: measured}, indent=1))
    part.replace(path)


def processor() -> str:
    """Return the name of this machine's processor."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
