"""Which model folder a stage uses, and what a worker reports about the loaded network."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from shared.artifacts import ModelFact
from shared.errors import ModelError
from shared.imaging.volume import Modality
from shared.models import library
from shared.models.card import CARD, ModelCard, load_card
from shared.models.network import Network, load_network
from shared.models.onnx_providers import Gpu
from shared.models.runtimes import resolve
from shared.settings import Settings

MODEL_STAGES = ("classifier", "segmenter")
"""Stages that run a network; the mesher has none."""
SERVICES = Path(__file__).resolve().parents[2] / "services"


def folder(stage: str, settings: Settings, modality: Modality = "MR") -> Path:
    """Return the model folder of a stage for a modality: the configured one, the chosen one, or the shipped one."""
    configured: Path | None = getattr(settings, f"{stage}_model", None)
    return configured or library.chosen(settings.models, stage, modality) or SERVICES / stage


def folders(settings: Settings) -> dict[Path, bool]:
    """Return every shipped and added model folder, and whether it is a default of its stage."""
    used = {folder(stage, settings, modality).resolve() for stage in MODEL_STAGES for modality in library.MODALITIES}
    added = [path for path in library.stored(settings.models) if library.is_offered(path)]
    known = [*(SERVICES / stage for stage in MODEL_STAGES), *used, *added]
    return {path: path in used for path in dict.fromkeys(path.resolve() for path in known)}


def named(name: str, settings: Settings) -> Path:
    """Return the segmenter's folder by its name, NAME or NAME@VERSION; the shipped one counts too.

    Raises ModelError for an unknown name.
    """
    found = library.named(settings.models, name)
    shipped = load_card(SERVICES / "segmenter" / CARD)
    if not found and name in {shipped.name, f"{shipped.name}@{shipped.version}"}:
        return SERVICES / "segmenter"
    if not found:
        raise ModelError(f"There is no model {name}; `viscera models list` shows those there are.", "unknown_model")
    return found[0]


def card(stage: str, settings: Settings, modality: Modality = "MR") -> ModelCard:
    """Return the card of the stage's default model for a modality.

    Raises ModelError for a missing or invalid card, and for that of another stage.
    """
    return check_stage(load_card(folder(stage, settings, modality) / CARD), stage)


def check_stage(model: ModelCard, stage: str) -> ModelCard:
    """Return a card if its model is one of the stage.

    Raises ModelError for another stage.
    """
    if model.stage != stage:
        raise ModelError(f"{model.name} {model.version} is a {model.stage}; here a {stage} is needed.")
    return model


def load(stage: str, settings: Settings, path: Path | None = None) -> Network:
    """Load a network of a stage on the configured provider: that of a folder, or the default.

    Raises ModelError.
    """
    gpu = Gpu(settings.gpu_index, settings.gpu_memory_bytes, settings.gpu_search, settings.gpu_engines)
    path = path or folder(stage, settings)
    return load_network(path, resolve(settings.provider, path, settings.models), settings.threads, gpu)


def fact(network: Network) -> ModelFact:
    """Return what a result says about this network."""
    model = network.card
    return ModelFact(
        name=model.name, version=model.version, sha256=model.identity, provider=network.provider, device=network.device
    )


def describe(network: Network) -> dict[str, Any]:
    """Return card, SHA-256, provider and device as the ledger stores them for `/v1/models`."""
    return about(network.card, network.provider, network.device)


def about(card: ModelCard, provider: str, device: str) -> dict[str, Any]:
    """Return what the ledger stores about a model that a worker has."""
    return {"provider": provider, "device": device, "sha256": card.identity, "card": card.model_dump(mode="json")}


if __name__ == "__main__":  # image builds run this: wrong weights stop the build
    for name in sys.argv[1:]:
        loaded = fact(load(name, Settings()))
        print(f"{name}: {loaded.name} {loaded.version} {loaded.sha256}")  # noqa: T201
