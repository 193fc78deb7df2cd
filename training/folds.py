"""Cross-validation by patient: train and measure once per group of held-out patients.

The figures estimate the quality of networks trained by the same recipe on all patients.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

from torch import nn

from shared.models.card import ModelCard
from shared.models.network import load_network
from training.config import Config, classifier_config, segmenter_config
from training.dataset.cases import load_cases
from training.dataset.organ_swap import write_organ_swaps
from training.evaluate import CaseResult, evaluate_case
from training.export.cards import card_for
from training.export.to_onnx import export
from training.nets.networks import Ensemble
from training.pseudo import write_pseudo_labels
from training.report import write_report
from training.run import train

FOLDS = (
    ("case101", "case110", "case119"),
    ("case107", "case113", "case139"),
    ("case117", "case118", "case121"),
)
"""All labelled patients of the data at hand; the first group are its validation patients."""
DERIVED = ("transplant", "pseudo")
"""Prefixes of cases that are derived from labelled ones: each fold makes its own, without the held-out patients."""


@dataclass(frozen=True, slots=True)
class FoldsConfig:
    """The groups of held-out patients and the training of the networks on the others.

    Two segmenters, of kind unet and liteunet, form an ensemble.
    """

    folds: tuple[tuple[str, ...], ...] = FOLDS
    classifier: Config = field(default_factory=classifier_config)
    segmenters: tuple[Config, ...] = field(default_factory=lambda: (segmenter_config(),))
    organ_swaps: int = 12
    thresholds: tuple[float, float] = (0.01, 0.4)
    """Of the classifier and of the segmenter."""


def cross_validate(out: Path, data: Path, config: FoldsConfig) -> Path:
    """Train and measure all folds below `out` on the prepared `data`; returns the path of the report.

    Called again, it resumes every training where it stopped.
    """
    cards: list[ModelCard] = []
    results: list[CaseResult] = []
    for patients in config.folds:
        folder = out / "_".join(patients)
        fold_cards, fold_results = run_fold(folder, data, patients, config)
        write_report(folder / "report", fold_cards, fold_results)
        cards += fold_cards
        results += fold_results
    return write_report(out / "report", cards, results)


def run_fold(
    folder: Path, data: Path, held_out: tuple[str, ...], config: FoldsConfig
) -> tuple[list[ModelCard], list[CaseResult]]:
    """Train without the patients `held_out` and measure on them: both networks' cards and the results.

    The classifier also learns from the segmenter's pseudo-labels of unlabelled scans.
    """
    cases = cases_without(data, folder / "data", held_out, config.organ_swaps)
    trained = {
        each.network: train(folder / each.network, cases, replace(each, held_out=held_out))
        for each in config.segmenters
    }
    kind, segmenter = ("pair", Ensemble(**trained)) if len(trained) > 1 else next(iter(trained.items()))
    spec = config.segmenters[0].spec
    for _ in write_pseudo_labels([segmenter.cpu().eval()], cases, spec):
        pass
    classifier = train(folder / "classifier", cases, replace(config.classifier, held_out=held_out))
    version, (low, high) = "held-out." + ".".join(held_out), config.thresholds
    cards = [
        _export(classifier, card_for("classifier", "classifier", version, low), folder),
        _export(segmenter, card_for("segmenter", kind, version, high, spec), folder),
    ]
    pair = [load_network(folder / "models" / card.stage) for card in cards]
    measured = [case for case in load_cases(cases) if case.patient in held_out and case.outlined]
    return cards, [evaluate_case(case, *pair) for case in measured]


def _export(network: nn.Module, card: ModelCard, folder: Path) -> ModelCard:
    return export(network, card, folder / "models" / card.stage)


def cases_without(data: Path, out: Path, held_out: tuple[str, ...], organ_swaps: int) -> Path:
    """The folder of prepared cases for one fold; nothing derived from the patients `held_out` is in it.

    It has `organ_swaps` organ-swapped slices per labelled slice.
    """
    if not (out / "cases").is_dir():
        part = out.with_suffix(".part")
        for path in sorted(data.glob("*/*.npz")):
            if path.parent.name in ("cases", "shapes") and not path.name.startswith(DERIVED):
                (part / path.parent.name).mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, part / path.parent.name / path.name)
        for _ in write_organ_swaps(part, held_out, organ_swaps):
            pass
        part.rename(out)
    return out / "cases"
