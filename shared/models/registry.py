"""Which model folder a stage uses, and what a worker reports about the loaded network."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from shared.artifacts import ModelFact
from shared.errors import ModelError
from shared.imaging.volume_input import VolumeInput
from shared.models.card import CARD, ModelCard, load_card
from shared.models.network import Network, chosen, load_network, stored
from shared.models.onnx_providers import Gpu
from shared.models.runtimes import resolve
from shared.settings import Settings

MODEL_STAGES = ("classifier", "segmenter")
"""Stages that run a network; the mesher has none."""
SERVICES = Path(__file__).resolve().parents[2] / "services"


def folder(stage: str, settings: Settings) -> Path:
    """Return the model folder of a stage: the configured one, the one adopted last, or the shipped one."""
    configured: Path | None = getattr(settings, f"{stage}_model", None)
    return configured or chosen(settings.models, stage) or SERVICES / stage


def folders(settings: Settings) -> dict[Path, bool]:
    """Return every shipped and adopted model folder, and whether its stage uses it now."""
    used = {folder(stage, settings).resolve() for stage in MODEL_STAGES}
    known = [*(SERVICES / stage for stage in MODEL_STAGES), *used, *stored(settings.models)]
    return {path: path in used for path in dict.fromkeys(path.resolve() for path in known)}


def card(stage: str, settings: Settings) -> ModelCard:
    """Return the card of the stage's model.

    Raises ModelError for a missing or invalid card, and for that of another stage.
    """
    return check_stage(load_card(folder(stage, settings) / CARD), stage)


def check_stage(model: ModelCard, stage: str) -> ModelCard:
    """Return a card if its model is one of the stage.

    Raises ModelError for another stage.
    """
    if model.stage != stage:
        raise ModelError(f"{model.name} {model.version} is a {model.stage}; here a {stage} is needed.")
    return model


def segmenter_reads_volumes(settings: Settings) -> bool:
    """Return whether the segmenter of this installation reads volumes; False where its card is not at hand."""
    try:
        return isinstance(card("segmenter", settings).input, VolumeInput)
    except ModelError:
        return False


def load(stage: str, settings: Settings) -> Network:
    """Load the stage's network on the configured provider.

    Raises ModelError.
    """
    gpu = Gpu(settings.gpu_index, settings.gpu_memory_bytes, settings.gpu_search, settings.gpu_engines)
    path = folder(stage, settings)
    return load_network(path, resolve(settings.provider, path, settings.models), settings.threads, gpu)


def fact(network: Network) -> ModelFact:
    """Return what a result says about this network."""
    model = network.card
    return ModelFact(
        name=model.name, version=model.version, sha256=model.identity, provider=network.provider, device=network.device
    )


def describe(network: Network) -> dict[str, Any]:
    """Return card, SHA-256, provider and device as the ledger stores them for `/v1/models`."""
    card = network.card
    return {
        "provider": network.provider,
        "device": network.device,
        "sha256": card.identity,
        "card": card.model_dump(mode="json"),
    }


if __name__ == "__main__":  # image builds run this: wrong weights stop the build
    for name in sys.argv[1:]:
        loaded = fact(load(name, Settings()))
        print(f"{name}: {loaded.name} {loaded.version} {loaded.sha256}")  # noqa: T201
