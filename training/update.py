"""Teaches an exported model more patients: starts from its weights, rehearses what it knew, holds whole patients out.

The figures of the updated model are of patients that neither the model nor its update has seen, and in pairs with the
model before.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from torch import nn

from shared.models.network import load_network
from training.calibration import uncalibrated
from training.dataset.batches import BatchSampler, Group
from training.evaluate import CaseResult, evaluate_case
from training.export.cards import network_of
from training.export.to_onnx import export
from training.loop import Schedule, ema_update, fit
from training.losses import segmentation_loss
from training.nets.from_onnx import calibrate, network_from_onnx
from training.nets.networks import Ensemble
from training.paired import Pairs
from training.recipe import Recipe
from training.update_data import Update, groups_to_learn

ENCODER_LR_FACTOR = 0.3
CALIBRATION_BATCHES = 8
WARM_UP_STEPS = 30
HELD_OUT = "held-out.txt"
"""File in a run's folder with the patients that it must not learn from, one on each line."""


class OtherRun(ValueError):
    """The folder of a run is not of the patients or the state that it is needed for."""


def learn(folder: Path, update: Update, held_out: Sequence[str] = ()) -> nn.Module:
    """The model's network after learning on all cases but those of the patients `held_out`.

    Checkpoints are kept in `folder`; called again, it resumes. Raises OtherRun if `folder` is of a run that held out
    other patients: its weights may have seen these.
    """
    _claim(folder, held_out)
    start, recipe = start_of(update), update.recipe
    groups = groups_to_learn(update, held_out)
    kind = network_of(update.card.name)
    if not isinstance(start, Ensemble):
        return _learn_part(folder / kind, kind, start, groups, recipe)
    parts = {"unet": start.unet, "liteunet": start.liteunet}
    learned = {name: _learn_part(folder / name, name, parts[name], groups, recipe) for name in recipe.networks}
    return Ensemble(**parts | learned)


def _claim(folder: Path, held_out: Sequence[str]) -> None:
    """Note whom the run in `folder` holds out, or check that it is the same as before."""
    if held_out_of(folder) not in (None, sorted(held_out)):
        raise OtherRun(f"{folder} is of a run that held out other patients. Give this one another name.")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / HELD_OUT).write_text("".join(f"{name}\n" for name in sorted(held_out)))


def held_out_of(folder: Path) -> list[str] | None:
    """The patients that the run in `folder` has held out, sorted; None if there is no such run."""
    path = folder / HELD_OUT
    return path.read_text().splitlines() if path.is_file() else None


def start_of(update: Update) -> nn.Module:
    """The network of the model before."""
    return network_from_onnx(network_of(update.card.name), update.model / update.card.weights)


def _learn_part(folder: Path, kind: str, network: nn.Module, groups: list[Group], recipe: Recipe) -> nn.Module:
    sampler = BatchSampler(groups, recipe.size, recipe.batch, seed=recipe.seed)
    calibrate(network, (sampler(number)[0] for number in range(CALIBRATION_BATCHES)))
    if recipe.drop is not None:
        network.drop = nn.Dropout2d(recipe.drop)
    schedule = Schedule(
        steps=recipe.steps,
        minutes=recipe.minutes,
        lr=recipe.rates[kind],
        encoder_lr_factor=ENCODER_LR_FACTOR,
        weight_decay=0.05,
        warmup_steps=WARM_UP_STEPS,
    )
    before = copy.deepcopy(network)
    trained = fit(network, segmentation_loss, sampler, schedule, folder=folder).cpu().eval()
    ema_update(before, trained, 1.0 - recipe.blend)
    return before.eval()


def update_fold(folder: Path, update: Update, held_out: Sequence[str]) -> Pairs:
    """Learn without the new patients `held_out` and measure both models on them; the model is `folder`/model."""
    return Pairs(_results(update, held_out, update.model), _updated_results(folder, update, held_out))


def _updated_results(folder: Path, update: Update, held_out: Sequence[str]) -> list[CaseResult]:
    card = update.card.model_copy(update={"version": f"{update.card.version}-held-out"})
    export(learn(folder, update, held_out), card, folder / "model")
    return _results(update, held_out, folder / "model")


def _results(update: Update, held_out: Sequence[str], model: Path) -> list[CaseResult]:
    """The results of a model on the outlined cases of patients, behind the classifier."""
    classifier, segmenter = load_network(update.classifier), uncalibrated(load_network(model))
    cases = [case for case in update.new if case.patient in held_out and case.outlined]
    return [evaluate_case(case, classifier, segmenter) for case in cases]


def update_folds(folder: Path, update: Update, folds: int) -> Pairs:
    """Each new patient held out once, in `folds` groups: the results of all of them."""
    before: list[CaseResult] = []
    after: list[CaseResult] = []
    for number in range(folds):
        pairs = update_fold(folder / f"fold{number}", update, update.fold(number, folds))
        before += pairs.before
        after += pairs.after
    return Pairs(before, after)


def fold_results(folder: Path, update: Update, folds: int) -> list[CaseResult]:
    """The results of an earlier run of `update_folds` in `folder` by another recipe, to compare two recipes in pairs.

    Raises OtherRun if that run held out other patients, or is not finished.
    """
    results: list[CaseResult] = []
    for number in range(folds):
        fold, held_out = folder / f"fold{number}", update.fold(number, folds)
        if held_out_of(fold) != sorted(held_out) or not (fold / "model").is_dir():
            raise OtherRun(f"{fold} has no model that was measured without the same patients.")
        results += _results(update, held_out, fold / "model")
    return results


def final_network(folder: Path, update: Update, *, held_out: Sequence[str] = (), fold: int | None = None) -> nn.Module:
    """The network of the updated model, to be written.

    With patients `held_out`, or the number of one of two groups that `update_folds` has measured, it is the network
    that was measured. Otherwise it learns from all patients.
    """
    if fold is not None:
        return learn(folder / f"fold{fold}", update, update.fold(fold, 2))
    return learn(folder / ("held-out" if held_out else "all"), update, held_out)


def learning_curve(folder: Path, update: Update) -> Iterator[tuple[int, float, Pairs]]:
    """Updates with 1, 2, 4 and so on new patients: how many, the minutes it took, the results on the others.

    The others are every second new patient and stay the same; the minutes are those of learning and measuring.
    """
    others, pool = update.patients[0::2], update.patients[1::2]
    before = _results(update, others, update.model)
    count = 1
    while True:
        chosen = {*pool[:count], *others}
        some = replace(update, new=[case for case in update.new if case.patient in chosen])
        begun = time.monotonic()
        after = _updated_results(folder / str(count), some, others)
        yield min(count, len(pool)), (time.monotonic() - begun) / 60, Pairs(before, after)
        if count >= len(pool):
            return
        count *= 2
