"""/monailabel: sign-in, what the service offers, the next sample, and training, which is not done here."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from services.api import domain
from services.api.gateway import Gateway, GatewayDep, Reader, Writer, address_of, identify
from services.api.monailabel.images import STRATEGIES, label_names, next_sample, totals
from shared.errors import Conflict, NotFound, Unauthorized
from shared.models.card import ModelCard

PREFIX = "/monailabel"
router = APIRouter(prefix=PREFIX, include_in_schema=False)
Json = dict[str, Any]


@router.get("/auth/")
def auth() -> Json:
    """Say that the client needs a token."""
    return {"enabled": True}


@router.post("/auth/token")
async def auth_token(request: Request, gateway: GatewayDep) -> Json:
    """Return the API key that was sent as the password as a bearer token; the user name is not looked at."""
    form = parse_qs((await request.body()).decode(errors="replace"), max_num_fields=20)
    key = form.get("password", [""])[0].strip()
    if not key:
        raise Unauthorized("The password is an API key of this service.")
    await run_in_threadpool(identify, gateway, key, address_of(request))
    return {"access_token": key, "token_type": "bearer"}


@router.get("/auth/token/valid")
def auth_token_valid(caller: Reader) -> Json:
    """Return whose token it is."""
    return {"username": caller.name or caller.key_id}


@router.get("/info/")
def info(gateway: GatewayDep, caller: Reader) -> Json:
    """Return the models, their labels, the strategies and the number of images."""
    cards = models(gateway)
    labels = {title: None for card in cards.values() for title in label_names(card.organs)}
    return {
        "name": "Viscera",
        "description": "Abdominal scans in, organs out.",
        "version": version("viscera"),
        "labels": list(labels),
        "models": {name: _model(card) for name, card in cards.items()},
        "trainers": {},
        "strategies": {name: {"description": text, "config": {}} for name, text in STRATEGIES.items()},
        "scoring": {},
        "train_stats": {},
        "datastore": totals(gateway, caller),
    }


def models(gateway: Gateway) -> dict[str, ModelCard]:
    """Return the segmenters of live workers that new jobs may ask for, by name; of two versions the newer one."""
    with gateway.ledger.read() as connection:
        reports = domain.reported(connection).values()
    cards = [domain.card_of(about["card"]) for about in reports if about.get("offered", True)]
    known = [card for card in cards if card is not None]
    return {card.name: card for card in sorted(known, key=lambda card: (card.name, card.version))}


def _model(card: ModelCard) -> Json:
    labels = label_names(card.organs)
    return {
        "type": "segmentation", "labels": labels, "dimension": 3, "version": card.version, "config": {},
        "description": f"{card.name} {card.version}: {', '.join(labels)}"[:500],
    }  # fmt: skip


@router.post("/activelearning/{strategy}")
def sample(strategy: str, gateway: GatewayDep, caller: Writer) -> Json:
    """Return the next image to correct."""
    return next_sample(gateway, caller, strategy)


@router.get("/train/")
def train_status(caller: Reader, response: Response, check_if_running: bool = False) -> Json:
    """Say that nothing is trained here."""
    del caller, response
    if check_if_running:
        raise NotFound("No training runs here.")
    return {"status": "NONE", "details": [_NO_TRAINING]}


@router.post("/train/")
@router.post("/train/{model}")
def train(caller: Writer, model: str = "") -> Json:
    """Refuse to train, with the way to do it."""
    del caller, model
    raise Conflict(_NO_TRAINING, "no_training")


@router.delete("/train/")
def train_stop(caller: Writer) -> Json:
    """Say that nothing was to stop."""
    del caller
    return {"status": "NONE", "details": [_NO_TRAINING]}


_NO_TRAINING = "This service does not train. Export the accepted corrections and train with them elsewhere."
