"""What an update learns from: new patients, known ones and organ-swapped slices, in the fractions of its recipe."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from shared.imaging.input_spec import InputSpec
from shared.models.card import CARD, ModelCard, load_card
from training.config import segmenter_config
from training.dataset.batches import Group, group
from training.dataset.cases import Case, Scan, as_scan, organ_mask
from training.dataset.organ_swap import fill_bank, organ_swaps, shows_enough
from training.recipe import FEW, Recipe
from training.run import groups_of

EMPTY_WEIGHT = segmenter_config().empty_weight


@dataclass(frozen=True, slots=True, eq=False)
class Update:
    """The segmenter's folder and its classifier's, outlined cases to learn from, and cases to rehearse.

    In cases of `partial`, gut without an outline is unknown; they are learned from and never measured on. `shapes` are
    outlines without images, for organ swaps.
    """

    model: Path
    classifier: Path
    new: list[Case]
    known: list[Case]
    recipe: Recipe = FEW
    partial: list[Case] = field(default_factory=list)
    shapes: list[Case] = field(default_factory=list)

    @property
    def patients(self) -> list[str]:
        """The new patients, in an order that says nothing about them and stays the same."""
        names = {case.patient for case in self.new}
        return sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())

    def fold(self, number: int, folds: int) -> list[str]:
        """The new patients of one of `folds` groups, counted from 0."""
        return self.patients[number::folds]

    @property
    def card(self) -> ModelCard:
        """The card of the model before."""
        return load_card(self.model / CARD)


def groups_to_learn(update: Update, held_out: Sequence[str]) -> list[Group]:
    """The groups of slices that are learned from: nothing of them is of the patients `held_out`."""
    recipe, spec = update.recipe, update.card.slices

    def scans(cases: Sequence[Case]) -> list[Scan]:
        return [as_scan(case, spec) for case in cases if case.patient not in held_out]

    new, known, config = scans(update.new), scans(update.known), segmenter_config()
    rehearsed = groups_of(known, replace(config, shares=dict(recipe.known)) if recipe.known else config)
    swapped = _organ_swaps(update, [*new, *known], held_out) if recipe.swaps else []
    groups = [
        group("new", _new_share(new, recipe), new, EMPTY_WEIGHT),
        group("swapped", recipe.swapped, swapped, EMPTY_WEIGHT),
        group("partial", recipe.partial, scans(update.partial), EMPTY_WEIGHT),
    ]
    groups = [each for each in groups if each.share > 0]
    rest, total = 1.0 - sum(each.share for each in groups), sum(each.share for each in rehearsed)
    # A batch is drawn by the relation of all shares: without known cases they need not add up to 1.
    return [*groups, *(replace(each, share=each.share * rest / total) for each in rehearsed)]


def _new_share(new: Sequence[Scan], recipe: Recipe) -> float:
    count = sum(int(organ_mask(scan.labels).any(axis=(1, 2)).sum()) for scan in new)
    return recipe.new * count / max(count + recipe.half, 1)


def _organ_swaps(update: Update, scans: Sequence[Scan], held_out: Sequence[str]) -> list[Scan]:
    """Organ-swapped copies of the single slices; bodies, shapes and contents are of patients that are learned from."""
    real = [scan for scan in scans if scan.case.kind == "slices" and scan.case.outlined and shows_enough(scan)]
    shapes = [case for case in update.shapes if case.patient not in held_out]
    spec: InputSpec = update.card.slices
    bank = fill_bank(real, [Scan(case, case.labels, case.labels, 1) for case in shapes])
    if not bank.outlines or not all(bank.contents.values()):
        return []
    rng = np.random.default_rng(update.recipe.seed)
    return [as_scan(organ_swaps(scan, bank, update.recipe.swaps, rng), spec) for scan in real]
