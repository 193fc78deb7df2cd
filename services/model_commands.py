"""`viscera models`: what an operator does with the models of an installation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from services import installation
from shared.errors import ModelError, VisceraError
from shared.models import library, registry, runtimes
from shared.models.card import CARD, load_card
from shared.settings import Settings

if TYPE_CHECKING:
    from shared.ledger import Ledger


def command(
    action: str, model: str | None, share: int | None = None, data: Path | None = None, *, shadow: bool = False
) -> None:
    """Carry out `viscera models ACTION [MODEL]`; MODEL is a folder, NAME or NAME@VERSION.

    `share` is in percent; `data` is the folder of a ledger, where it is not that of the settings. With `shadow` a
    roll-out only compares, in this process, until it is interrupted. Raises ModelError, and VisceraError where the
    model or the share is not named.
    """
    settings = Settings()
    if action in {"list", "verify"}:
        _list(settings, data, thorough=action == "verify")
        return
    if action == "roll-back":
        _roll_back(data)
        return
    if model is None:
        raise VisceraError(f"Name the model: viscera models {action} MODEL.", "usage")
    if action == "roll-out":
        if share is None:
            raise VisceraError("Say how many percent of the jobs: viscera models roll-out MODEL --share 20.", "usage")
        (_shadow if shadow else _roll_out)(model, share, data)
        return
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


def _shadow(model: str, share: int, data: Path | None) -> None:
    from services.segmenter import shadow

    settings = Settings()
    with _ledger(data) as ledger:
        shadow.compare(locate(model, settings), share, settings, ledger, installation.store_of(data))


def _roll_out(model: str, share: int, data: Path | None) -> None:
    from shared.operations import rollouts

    with _ledger(data) as ledger:
        print("\n".join(rollouts.begin(ledger, model, share)))
    print("End it: viscera models roll-back")


def _roll_back(data: Path | None) -> None:
    from shared.operations import rollouts

    with _ledger(data) as ledger:
        print("\n".join(rollouts.end(ledger)))


def _list_rollouts(data: Path | None) -> None:
    """Print the roll-outs; the list of models needs no ledger, so a missing one is only named."""
    from shared.operations import rollouts

    try:
        with _ledger(data) as ledger:
            lines = rollouts.every(ledger)
    except VisceraError as error:
        lines = [f"Roll-outs are not known: {error.detail}"]
    for line in lines:
        print(line)


@contextmanager
def _ledger(data: Path | None) -> Iterator[Ledger]:
    ledger = installation.ledger_of(data)
    try:
        yield ledger
    finally:
        ledger.close()


def _list(settings: Settings, data: Path | None, *, thorough: bool) -> None:
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
    if not thorough:
        _list_rollouts(data)
    if any(state.problem for state in states):
        raise ModelError("At least one model differs from its card.")


def _provider(settings: Settings) -> str:
    return runtimes.ON_PROCESSOR[0] if settings.provider == runtimes.AUTO else settings.provider
