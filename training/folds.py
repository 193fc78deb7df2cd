"""How good a recipe is on patients it never saw: train and measure once per group of patients held out.

The figures that come out say what to expect of networks trained by this recipe on all patients.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

from torch import nn

from shared.card import ModelCard
from shared.model import load_network
from training import classifier, segmenter
from training.cards import card_for
from training.cases import load_cases
from training.evaluate import CaseResult, evaluate_case
from training.export import export
from training.networks import Pair
from training.pseudo import label
from training.report import write_report
from training.transplant import write_transplants

FOLDS = (
    ("case101", "case110", "case119"),
    ("case107", "case113", "case139"),
    ("case117", "case118", "case121"),
)
"""All labelled patients of the data at hand; the first group are its validation patients."""
MADE = ("transplant", "pseudo")
"""Cases made of labelled ones, which may hold something of a patient held out: made anew or left out."""


@dataclass(frozen=True, slots=True)
class Config:
    """Which patients are held out together, and how networks are trained on the others: a gate and a segmenter or two.

    Two segmenters, of kind unet and liteunet, answer together as a pair.
    """

    folds: tuple[tuple[str, ...], ...] = FOLDS
    gate: classifier.Config = field(default_factory=classifier.Config)
    segmenters: tuple[segmenter.Config, ...] = (segmenter.Config(),)
    transplants: int = 12
    thresholds: tuple[float, float] = (0.01, 0.4)
    """Of the gate and of the segmenter."""


def folds(out: Path, data: Path, config: Config) -> Path:
    """Train and measure all folds below `out` from the prepared `data`; goes on where it was; the report's path."""
    cards: list[ModelCard] = []
    judged: list[CaseResult] = []
    for held in config.folds:
        folder = out / "_".join(held)
        seen, found = fold(folder, data, held, config)
        write_report(folder / "report", seen, found)
        cards += seen
        judged += found
    return write_report(out / "report", cards, judged)


def fold(folder: Path, data: Path, held: tuple[str, ...], config: Config) -> tuple[list[ModelCard], list[CaseResult]]:
    """Train without the patients `held` and measure on them: both networks' cards and the judged cases.

    The gate also learns where scans that nobody outlined show organs, from what the segmenter says of them.
    """
    cases = without(data, folder / "data", held, config.transplants)
    trained = {each.kind: _segmenter(folder, cases, each, held) for each in config.segmenters}
    kind, network = ("pair", Pair(**trained)) if len(trained) > 1 else next(iter(trained.items()))
    wants = config.segmenters[0].wants
    for _ in label([network.cpu().eval()], cases, wants):
        pass
    gate = classifier.train(folder / "gate", cases, replace(config.gate, held_out=held))
    version, (low, high) = "held-out." + ".".join(held), config.thresholds
    cards = [
        export(gate, card_for("classifier", "gate", version, low), folder / "models" / "classifier"),
        export(network, card_for("segmenter", kind, version, high, wants), folder / "models" / "segmenter"),
    ]
    pair = [load_network(folder / "models" / card.stage) for card in cards]
    shown = [case for case in load_cases(cases) if case.patient in held and case.outlined]
    return cards, [evaluate_case(case, *pair) for case in shown]


def _segmenter(folder: Path, cases: Path, config: segmenter.Config, held: tuple[str, ...]) -> nn.Module:
    return segmenter.train(folder / config.kind, cases, replace(config, held_out=held))


def without(data: Path, out: Path, held: tuple[str, ...], count: int) -> Path:
    """The prepared cases with `count` transplants per slice that hold nothing of the patients `held`; their folder."""
    if not (out / "cases").is_dir():
        part = out.with_suffix(".part")
        for path in sorted(data.glob("*/*.npz")):
            if not path.name.startswith(MADE):
                (part / path.parent.name).mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, part / path.parent.name / path.name)
        for _ in write_transplants(part, held, count):
            pass
        part.rename(out)
    return out / "cases"
