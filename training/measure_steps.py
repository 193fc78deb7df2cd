"""The steps of `./viscera train` that measure models: evaluate, compare, reader, calibrate."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.models.card import ModelCard
    from shared.models.network import Network
    from training.dataset.cases import Case
    from training.evaluate import CaseResult


def run_evaluate(options: argparse.Namespace) -> None:
    """Measure a classifier and a segmenter."""
    from training.report import write_report

    cards, results = _measured(options)
    page = write_report(options.out, cards, results)
    print(page.read_text())


def run_compare(options: argparse.Namespace) -> None:
    """Measure two pairs of models on the same patients, and how much the second is better."""
    from training.averages import averaged
    from training.paired import Pairs, comparison_table

    classifier, segmenter = _models(options.classifier, options.segmenter)
    other = _models(options.other_classifier or options.classifier, options.other_segmenter or options.segmenter)
    after = other[0], averaged(other[1], options.scales, options.tones)
    cases = _cases(options)
    pairs = Pairs(_results(cases, classifier, segmenter), _results(cases, *after))
    print(f"{len(pairs.before)} cases of {pairs.patients} patients\n\n{comparison_table(pairs)}")


def run_reader(options: argparse.Namespace) -> None:
    """Correct the results of both stages as a simulated reader does, and measure."""
    from training.reader import read, table

    _, results = _measured(options)
    print(table(read(results)))


def run_calibrate(options: argparse.Namespace) -> None:
    """Measure the confidence of a segmenter on patients that it has not seen, and write its card's calibration."""
    from shared.models.card import CARD, load_card, save_card
    from training.calibration import calibration, calibration_report

    _, results = _measured(options)
    print(calibration_report(results))
    path = options.segmenter / CARD
    save_card(load_card(path).model_copy(update={"calibration": calibration(results)}), path)


def _measured(options: argparse.Namespace) -> tuple[list[ModelCard], list[CaseResult]]:
    classifier, segmenter = _models(options.classifier, options.segmenter)
    return [classifier.card, segmenter.card], _results(_cases(options), classifier, segmenter)


def _models(*folders: Path) -> tuple[Network, ...]:
    from shared.models.network import load_network

    return tuple(load_network(folder) for folder in folders)


def _cases(options: argparse.Namespace) -> list[Case]:
    from training.dataset.cases import load_cases

    cases = [case for case in load_cases(options.cases) if case.outlined and case.patient not in options.leave_out]
    if options.patients:
        cases = [case for case in cases if case.patient in options.patients]
    if not cases:
        raise SystemExit("These patients have no labelled cases in this folder.")
    return cases


def _results(cases: list[Case], classifier: Network, segmenter: Network) -> list[CaseResult]:
    from training.calibration import uncalibrated
    from training.evaluate import evaluate_case

    return [evaluate_case(case, classifier, uncalibrated(segmenter)) for case in cases]
