"""What the model of a job says about a scan before any work: whether it can read it, and what is unusual."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import ValidationError
from sqlalchemy import Connection

from services.api import schemas
from shared.imaging.volume import Modality
from shared.ledger import jobs, models, rollouts, workers
from shared.models.card import ModelCard, check_channels
from shared.models.domain import OUT_OF_DOMAIN, doubts
from shared.sandbox import Declared


def about_scan(declared: Declared) -> dict[str, Any]:
    """Return what the ledger keeps of a scan's headers."""
    return {
        "channels": declared.channels,
        "modality": declared.modality,
        "shape": list(declared.shape),
        "spacing": list(declared.spacing),
    }


def check(connection: Connection, scan: jobs.Scan, options: schemas.Options) -> list[dict[str, str]]:
    """Return warnings (code, detail) about a scan for the model of a job.

    Without a name in the options the model is the default of the scan's modality, or of any where that is not known, or
    one that is rolled out. Where the job can get several, the warnings are those that all of them give. Nothing is
    known of a model that no live worker has. Raises UnsupportedScan for a scan of another number of images than the
    model reads, and UnknownModel.
    """
    about = scan.about
    if about is None:
        return []
    modality = _modality(options.modality or about["modality"])
    cards = _cards(connection, options.model, modality)
    if cards and not any(card.channels == about["channels"] for card in cards):
        check_channels(about["channels"], cards[0])
    if not options.model and cards:
        cards += _rolled_out(connection, modality, about["channels"])
    found = [doubts(card, modality or "", about["shape"], about["spacing"]) for card in cards]
    return [
        {"code": OUT_OF_DOMAIN, "detail": text}
        for text in (found[0] if found else ())
        if all(text in others for others in found)
    ]


def _modality(text: str) -> Modality | None:
    return next((known for known in get_args(Modality) if known == text), None)


def _cards(connection: Connection, name: str | None, modality: Modality | None) -> list[ModelCard]:
    """Return the cards of the models that a job can get, without repetition."""
    key = models.find(connection, name) if name else None
    found = reported(connection).items()
    chosen = [about for known, about in found if (known == key if key else _is_default(about, modality))]
    return [card for card in (card_of(about["card"]) for about in chosen) if card is not None]


def _rolled_out(connection: Connection, modality: Modality | None, images: int) -> list[ModelCard]:
    """Return the cards of the models that a roll-out may give to a job."""
    keys = {each.model for each in rollouts.every(connection) if modality in {None, each.modality}}
    if not keys:
        return []
    cards = [card_of(about["card"]) for key, about in reported(connection).items() if key in keys]
    return [card for card in cards if card is not None and card.channels == images]


def reported(connection: Connection) -> dict[str, dict[str, Any]]:
    """Return what live segmenters report about their models, by key."""
    found: dict[str, dict[str, Any]] = {}
    for worker in workers.alive(connection):
        if worker.stage == models.STAGE and worker.model:
            found |= dict(zip(worker.model.get("models", ()), worker.model.get("cards", ()), strict=False))
    return found


def _is_default(about: dict[str, Any], modality: Modality | None) -> bool:
    defaults = about.get("default_for", ())
    return modality in defaults if modality else bool(defaults)


def card_of(content: dict[str, Any]) -> ModelCard | None:
    """Return a card; None for one of a later version with fields that are not known here."""
    try:
        return ModelCard.model_validate(content)
    except ValidationError:
        return None
