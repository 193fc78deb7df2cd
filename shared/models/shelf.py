"""The segmenters that a worker has: any of them may be the one that a job asks for."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from shared.errors import ModelError
from shared.imaging.volume import Modality
from shared.imaging.volume_input import VolumeInput
from shared.models import library, registry
from shared.models.card import CARD, ModelCard, load_card
from shared.models.network import Network
from shared.models.onnx_providers import Gpu, device_of
from shared.models.runtimes import resolve
from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class Shelved:
    """A segmenter that a worker has: its card and folder, and whether new jobs may ask for it."""

    card: ModelCard
    key: str
    folder: Path
    offered: bool


@dataclass(slots=True)
class Shelf:
    """The segmenters of this installation; a few are loaded, on demand, and the least recently used one goes first."""

    settings: Settings
    _loaded: OrderedDict[str, Network] = field(default_factory=OrderedDict)

    def known(self) -> list[Shelved]:
        """Return every readable segmenter: the defaults first, then the added ones, those that are removed last."""
        own = [registry.folder("segmenter", self.settings, modality) for modality in library.MODALITIES]
        added = [path for path in library.stored(self.settings.models) if path.parent.name == "segmenter"]
        found: dict[str, Shelved] = {}
        for path in [*own, registry.SERVICES / "segmenter", *sorted(added, key=library.is_offered, reverse=True)]:
            with suppress(ModelError):
                model, key = _card(path)
                found.setdefault(key, Shelved(model, key, path, library.is_offered(path)))
        return list(found.values())

    def find(self, key: str) -> Shelved:
        """Return a segmenter by the key of its card.

        Raises ModelError.
        """
        for shelved in self.known():
            if shelved.key == key:
                return shelved
        raise ModelError("The model that the job asks for was removed.", "model_removed")

    def default(self, modality: Modality) -> str:
        """Return the key of the modality's default.

        Raises ModelError.
        """
        return _card(registry.folder("segmenter", self.settings, modality))[1]

    def network(self, modality: Modality, key: str | None = None) -> Network:
        """Return a loaded segmenter: the one with this key, or the modality's default.

        Raises ModelError.
        """
        path = registry.folder("segmenter", self.settings, modality) if key is None else self.find(key).folder
        key = key or _card(path)[1]
        if key not in self._loaded:
            while len(self._loaded) >= max(1, self.settings.models_loaded):
                self._loaded.popitem(last=False)
            self._loaded[key] = registry.load("segmenter", self.settings, path)
        self._loaded.move_to_end(key)
        return self._loaded[key]

    @property
    def provider(self) -> str:
        """Return the execution provider of the default model."""
        path = registry.folder("segmenter", self.settings)
        return resolve(self.settings.provider, path, self.settings.models)

    def describe(self) -> dict[str, Any]:
        """Return what the ledger keeps about this worker: the default's card, and all the models that it has."""
        gpu = Gpu(self.settings.gpu_index, self.settings.gpu_memory_bytes)
        known, cards = self.known(), []
        for shelved in known:
            provider = resolve(self.settings.provider, shelved.folder, self.settings.models)
            about = registry.about(shelved.card, provider, device_of(provider, gpu))
            cards.append(about | {"offered": shelved.offered, "default_for": self._default_for(shelved.folder)})
        return {**cards[0], "cards": cards, "models": [shelved.key for shelved in known]}

    def _default_for(self, folder: Path) -> list[str]:
        """Return the modalities whose default is the model of a folder."""
        modalities = library.MODALITIES
        return [each for each in modalities if registry.folder("segmenter", self.settings, each) == folder]


def _card(folder: Path) -> tuple[ModelCard, str]:
    """Return the card of a segmenter and its key; a worker needs them for every job, so they are read once.

    Raises ModelError.
    """
    path = folder / CARD
    return _read(path, path.stat().st_mtime_ns if path.is_file() else 0)


@lru_cache(maxsize=256)
def _read(path: Path, _changed: int) -> tuple[ModelCard, str]:
    card = registry.check_stage(load_card(path), "segmenter")
    return card, card.key


def open_shelf(settings: Settings) -> Shelf:
    """Return the segmenters of this installation with the default one loaded.

    Raises ModelError.
    """
    shelf = Shelf(settings)
    shelf.network("MR")
    return shelf


def reads_volumes(settings: Settings, modality: Modality = "MR", key: str | None = None) -> bool:
    """Return whether the segmenter of a job reads volumes; False where its card is not at hand.

    `key` is the model that the job asks for; without it the modality's default is meant.
    """
    try:
        found = registry.card("segmenter", settings, modality) if key is None else Shelf(settings).find(key).card
    except ModelError:
        return False
    return isinstance(found.input, VolumeInput)
