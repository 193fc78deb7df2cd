"""`viscera models`: what an operator does with the models of an installation."""

from __future__ import annotations

from pathlib import Path

from shared.errors import ModelError, VisceraError
from shared.models import library, registry, runtimes
from shared.models.card import CARD, load_card
from shared.settings import Settings


def command(action: str, model: str | None) -> None:
    """Carry out `viscera models ACTION [MODEL]`; MODEL is a folder, NAME or NAME@VERSION.

    Raises ModelError, and VisceraError where the model is not named.
    """
    settings = Settings()
    if action in {"list", "verify"}:
        _list(settings, thorough=action == "verify")
        return
    if model is None:
        raise VisceraError(f"Name the model: viscera models {action} MODEL.", "usage")
    {"add": _add, "use": _use, "remove": _remove}[action](settings, model)


def locate(model: str, settings: Settings) -> Path:
    """Return the folder of a segmenter that is given by its folder or by its name.

    Raises ModelError.
    """
    return Path(model) if Path(model).is_dir() else registry.named(model, settings)


def _add(settings: Settings, model: str) -> None:
    card, _ = library.add(Path(model), settings.models, _provider(settings))
    print(f"Added {card.name} {card.version} ({', '.join(card.modalities)}): a job asks for it with model={card.name}.")


def _use(settings: Settings, model: str) -> None:
    source = locate(model, settings)
    if source.resolve() in {registry.SERVICES / stage for stage in registry.MODEL_STAGES}:
        card = load_card(source / CARD)
        library.choose_shipped(settings.models, card)
    else:
        card = library.adopt(source, settings.models, _provider(settings))
    if card.stage == "classifier":
        print(f"The classifier now uses {card.name} {card.version}; restart `viscera serve` if it runs.")
    else:
        print(f"The segmenter now uses {card.name} {card.version} for {' and '.join(card.modalities)}.")


def _remove(settings: Settings, model: str) -> None:
    for folder in library.remove(settings.models, model):
        card = load_card(folder / CARD)
        print(f"Removed {card.name} {card.version}; jobs that asked for it before still get it.")


def _list(settings: Settings, *, thorough: bool) -> None:
    at_hand = registry.folders(settings)
    states = library.list_models(list(at_hand), _provider(settings), thorough=thorough)
    for state in states:
        name = f"{state.card.stage} {state.card.name} {state.card.version}" if state.card else str(state.folder)
        about = state.problem or ""
        if state.card and not about:
            about = f"{'/'.join(state.card.modalities)}, {state.card.licence}, {state.card.identity[:12]}"
        print(f"{'*' if at_hand[state.folder] else ' '} {name}: {about}")
        if thorough and settings.provider == runtimes.AUTO and state.problem is None:
            seconds = runtimes.measure(state.folder, settings.models, settings.threads)
            print("    seconds a batch: " + ", ".join(f"{runtime} {took:.3f}" for runtime, took in seconds.items()))
    if any(state.problem for state in states):
        raise ModelError("At least one model differs from its card.")


def _provider(settings: Settings) -> str:
    return runtimes.ON_PROCESSOR[0] if settings.provider == runtimes.AUTO else settings.provider
