"""Teaches an exported model more patients: starts from its weights, rehearses what it knew, holds whole patients out.

The figures of the updated model are of patients that neither the model nor its update has seen, and in pairs with the
model before.
"""

from __future__ import annotations

import copy
import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from torch import nn

from shared.models.card import CARD, ModelCard, load_card
from shared.models.network import load_network
from training.calibration import uncalibrated
from training.config import segmenter_config
from training.dataset.batches import BatchSampler, Group, group
from training.dataset.cases import Case, Scan, as_scan, organ_mask
from training.evaluate import CaseResult, evaluate_case
from training.export.cards import network_of
from training.export.to_onnx import export
from training.loop import Schedule, ema_update, fit
from training.losses import segmentation_loss
from training.nets.from_onnx import calibrate, network_from_onnx
from training.nets.networks import Ensemble
from training.paired import Pairs
from training.run import groups_of

LEARNING_RATES = {"unet": 4e-4, "liteunet": 3e-4}
"""A fifth to a half of the rates of a training from nothing: the weights are good already."""
ENCODER_LR_FACTOR = 0.3
CALIBRATION_BATCHES = 8


@dataclass(frozen=True, slots=True)
class Recipe:
    """How long each network of a model learns, and the largest fraction `new` of the examples that is of new patients.

    `n` new slices with an organ get n / (n + `half`) of it: a few pictures seen again and again teach nothing else.
    The weights that are kept lie between those before and those learned, `blend` of the way: what few patients teach
    costs least there of what was known (Wortsman et al. 2022, Robust fine-tuning of zero-shot models).
    """

    steps: int = 250
    minutes: float = 4.5
    new: float = 0.7
    half: int = 10
    blend: float = 0.5
    seed: int = 0
    size: tuple[int, int] = (160, 224)
    batch: int = 8


@dataclass(frozen=True, slots=True, eq=False)
class Update:
    """The segmenter's folder and its classifier's, outlined cases to learn from, and cases to rehearse."""

    model: Path
    classifier: Path
    new: list[Case]
    known: list[Case]
    recipe: Recipe = field(default_factory=Recipe)

    @property
    def patients(self) -> list[str]:
        """The new patients, in an order that says nothing about them and stays the same."""
        names = {case.patient for case in self.new}
        return sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())

    @property
    def card(self) -> ModelCard:
        """The card of the model before."""
        return load_card(self.model / CARD)


def learn(folder: Path, update: Update, held_out: Sequence[str] = ()) -> nn.Module:
    """The model's network after learning on all cases but those of the patients `held_out`.

    Checkpoints are kept in `folder`; called again, it resumes.
    """
    kind = network_of(update.card.name)
    start = network_from_onnx(kind, update.model / update.card.weights)
    groups = _groups(update, held_out)
    parts = {"unet": start.unet, "liteunet": start.liteunet} if isinstance(start, Ensemble) else {kind: start}
    trained = {name: _learn_part(folder / name, name, part, groups, update.recipe) for name, part in parts.items()}
    return Ensemble(**trained) if isinstance(start, Ensemble) else trained[kind]


def _groups(update: Update, held_out: Sequence[str]) -> list[Group]:
    spec = update.card.slices
    new = [as_scan(case, spec) for case in update.new if case.patient not in held_out]
    known = [as_scan(case, spec) for case in update.known if case.patient not in held_out]
    config = segmenter_config()
    rehearsed = groups_of(known, config)
    total = sum(each.share for each in rehearsed)
    share = 1.0 - _new_share(new, update.recipe) if total else 0.0
    rest = [replace(each, share=each.share * share / total) for each in rehearsed]
    return [group("new", 1.0 - share, new, config.empty_weight), *rest]


def _new_share(new: Sequence[Scan], recipe: Recipe) -> float:
    count = sum(int(organ_mask(scan.labels).any(axis=(1, 2)).sum()) for scan in new)
    return recipe.new * count / (count + recipe.half)


def _learn_part(folder: Path, kind: str, network: nn.Module, groups: list[Group], recipe: Recipe) -> nn.Module:
    sampler = BatchSampler(groups, recipe.size, recipe.batch, seed=recipe.seed)
    calibrate(network, (sampler(number)[0] for number in range(CALIBRATION_BATCHES)))
    schedule = Schedule(
        steps=recipe.steps,
        minutes=recipe.minutes,
        lr=LEARNING_RATES[kind],
        encoder_lr_factor=ENCODER_LR_FACTOR,
        weight_decay=0.05,
        warmup_steps=30,
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
        pairs = update_fold(folder / f"fold{number}", update, update.patients[number::folds])
        before += pairs.before
        after += pairs.after
    return Pairs(before, after)


def write_model(folder: Path, update: Update, card: ModelCard, out: Path, *, held_out: Sequence[str] = ()) -> ModelCard:
    """Write the updated model; with patients `held_out` it is the one that was measured, else it learns from all."""
    trained = learn(folder / ("held-out" if held_out else "all"), update, held_out)
    return export(trained, card, out)


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
