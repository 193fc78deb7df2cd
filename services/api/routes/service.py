"""Health, metrics and models of the service."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from services.api import schemas
from services.api.gateway import Caller, Gateway, GatewayDep, Observer
from services.api.metrics import exposition
from shared.errors import VisceraError
from shared.ledger import workers
from shared.ledger.jobs import STAGES

router = APIRouter(tags=["service"])


@router.get("/livez")
async def livez() -> schemas.Health:
    """Return 200 while this process answers; it waits for no thread, which a busy service may lack."""
    return schemas.Health(status="ok")


@router.get("/readyz", responses={503: {"model": schemas.Health}})
def readyz(response: Response, gateway: GatewayDep) -> schemas.Health:
    """Return whether a job would run now: ledger, broker, and a live worker for each stage."""
    missing = _missing(gateway)
    if missing:
        response.status_code = 503
        return schemas.Health(status="unavailable", missing=missing)
    return schemas.Health(status="ok")


@router.get("/metrics", response_class=PlainTextResponse)
def read_metrics(gateway: GatewayDep, caller: Observer) -> PlainTextResponse:
    """Return the metrics in Prometheus' text format."""
    del caller
    return PlainTextResponse(exposition(gateway.metrics), media_type=CONTENT_TYPE_LATEST)


@router.get("/v1/models")
def list_models(gateway: GatewayDep, caller: Caller) -> schemas.ModelList:
    """Return the models of live workers with execution provider and device."""
    del caller
    with gateway.ledger.read() as connection:
        alive = workers.alive(connection)
    models: dict[tuple[str, ...], schemas.WorkerModel] = {}
    for worker in alive:
        for about in (worker.model or {}).get("cards", [worker.model]):
            if about and about.get("offered", True):
                model = _worker_model(worker.stage, about)
                models[model.stage, model.name, model.version, model.sha256, model.provider, model.device] = model
    return schemas.ModelList(items=list(models.values()))


def _worker_model(stage: str, about: dict[str, Any]) -> schemas.WorkerModel:
    card = about["card"]
    return schemas.WorkerModel(
        stage=stage,
        name=card["name"],
        version=card["version"],
        sha256=about.get("sha256", card["sha256"]),  # workers from before there were folds do not say it
        provider=about["provider"],
        device=about.get("device", ""),
        licence=card["licence"],
        card=card,
    )


def _missing(gateway: Gateway) -> list[str]:
    missing = []
    try:
        with gateway.ledger.read() as connection:
            alive = {worker.stage for worker in workers.alive(connection)}
        missing += [stage for stage in STAGES if stage not in alive]
    except VisceraError:
        missing.append("ledger")
    try:
        with gateway.queue.connection_for_write(connect_timeout=2.0) as broker:
            broker.ensure_connection(max_retries=1, timeout=2)
    except Exception:  # the broker's errors have no common base class
        missing.append("broker")
    return missing
