"""The folder of models: adds, chooses, lists and removes them.

A model lies in `STAGE/NAME-VERSION-CHECKSUM`. `STAGE/chosen.MR` and `STAGE/chosen.CT` name the default of a modality. A
model with the file `removed` is no longer offered; workers keep it until no open job asks for it.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from shared.errors import ModelError
from shared.imaging.volume import Modality
from shared.models.card import CARD, ModelCard, load_card
from shared.models.network import check_files, check_output, load_network

MODALITIES: tuple[Modality, ...] = get_args(Modality)
REMOVED = "removed"
KEPT = 60.0
"""Seconds after its removal during which a model stays: a gateway may just have accepted a job for it."""


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
            check_output(load_network(folder, provider, threads=1))
    except ModelError as error:
        return ModelState(folder, card, error.detail)
    return ModelState(folder, card, None)


def add(source: Path, store: Path, provider: str = "cpu") -> tuple[ModelCard, Path]:
    """Check a model folder by running it once and copy it below `store`; return its card and its folder there.

    Raises ModelError if anything differs from the card.
    """
    network = load_network(source, provider, threads=1)
    check_output(network)
    card = network.card
    home = store / card.stage / f"{_plain(card.name)}-{_plain(card.version)}-{card.identity[:8]}"
    if not home.is_dir():
        part = home.with_name(home.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        for name in (CARD, *(file.weights for file in card.files)):
            shutil.copyfile(source / name, part / name)
        part.replace(home)
    (home / REMOVED).unlink(missing_ok=True)
    return card, home


def adopt(source: Path, store: Path, provider: str = "cpu") -> ModelCard:
    """Add a model folder and make it the default of its stage for the modalities of its card.

    Raises ModelError if anything differs from the card.
    """
    card, home = add(source, store, provider)
    choose(store, card, home)
    return card


def choose(store: Path, card: ModelCard, home: Path) -> None:
    """Make a model of the library the default of its stage: a segmenter for the modalities of its card, a classifier
    for all.
    """
    for modality in card.modalities if card.stage == "segmenter" else MODALITIES:
        choice = store / card.stage / f"chosen.{modality}"
        part = choice.with_name(choice.name + ".part")
        part.write_text(home.name, encoding="utf-8")
        part.replace(choice)


def choose_shipped(store: Path, card: ModelCard) -> None:
    """Make the shipped model of a stage its default again, for the modalities of its card."""
    for modality in card.modalities:
        (store / card.stage / f"chosen.{modality}").unlink(missing_ok=True)
    (store / card.stage / "chosen").unlink(missing_ok=True)


def chosen(store: Path, stage: str, modality: Modality = "MR") -> Path | None:
    """Return the default model folder of a stage for a modality, or None; `chosen` is that of earlier versions."""
    for choice in (store / stage / f"chosen.{modality}", store / stage / "chosen"):
        if choice.is_file():
            return store / stage / Path(choice.read_text(encoding="utf-8").strip()).name
    return None


def stored(store: Path) -> list[Path]:
    """Return all model folders below `store`, by stage and name, those that were removed too."""
    return sorted(path.parent for path in store.glob(f"*/*/{CARD}") if path.parent.suffix != ".part")


def is_offered(folder: Path) -> bool:
    """Return whether new jobs may ask for the model of a folder."""
    return not (folder / REMOVED).exists()


def named(store: Path, name: str) -> list[Path]:
    """Return the folders of the offered models NAME or NAME@VERSION, the one added last first."""
    plain, _, version = name.partition("@")
    found = []
    for folder in stored(store):
        card = load_card(folder / CARD)
        if is_offered(folder) and card.name == plain and version in {"", card.version}:
            found.append(folder)
    return sorted(found, key=lambda folder: folder.stat().st_mtime, reverse=True)


def remove(store: Path, name: str) -> list[Path]:
    """Offer the models NAME or NAME@VERSION no longer; return their folders.

    Raises ModelError for an unknown one and for the default of a modality.
    """
    folders = named(store, name)
    if not folders:
        raise ModelError(f"There is no model {name} to remove; `viscera models list` shows those there are.")
    for folder in folders:
        stage = folder.parent.name
        if folder in {chosen(store, stage, "MR"), chosen(store, stage, "CT")}:
            raise ModelError(f"{name} is a default; choose another one first: viscera models use NAME.")
    for folder in folders:
        (folder / REMOVED).touch()
    return folders


def purge(store: Path, wanted: Collection[str]) -> None:
    """Delete the files of removed models that no open job asks for; `wanted` are the keys of those."""
    for folder in stored(store):
        marker = folder / REMOVED
        if not marker.exists() or time.time() - marker.stat().st_mtime < KEPT:
            continue
        if load_card(folder / CARD).key not in wanted:
            shutil.rmtree(folder, ignore_errors=True)


def _plain(text: str) -> str:
    """Return the letters, digits, dots and dashes of a text, as the name of a folder."""
    return re.sub(r"[^A-Za-z0-9.-]+", "_", text).strip(".") or "model"
