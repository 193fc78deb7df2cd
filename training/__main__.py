"""`./viscera train STEP`: prepare cases, train both networks, export, evaluate; `smoke` runs all steps on phantoms."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.arguments import RUNS, make_parser
from training.measure_steps import run_calibrate, run_compare, run_evaluate, run_reader
from training.update_steps import run_alike, run_curve, run_update

if TYPE_CHECKING:
    from training.config import Config
    from training.loop import Schedule

LEARNING_RATES = {"unet": 2e-3, "liteunet": 1e-3, "segformer": 3e-4}
"""Default learning rate of each segmenter."""
FOLD_STEPS = {"unet": 1700, "liteunet": 1000, "segformer": 1000}
"""Steps of each segmenter in a fold: with batches of 8, about as long as the figures of held-out patients improve."""
ENCODER_LR_FACTORS = {"liteunet": 0.15}
"""Learning-rate factor of a pre-trained encoder."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one step; `--help` after its name lists its options."""
    options = make_parser(__doc__).parse_args(arguments)
    _set_threads(options.threads)
    RUN[options.step](options)


def _set_threads(count: int) -> None:
    if count:
        import torch

        torch.set_num_threads(count)


def run_prepare(options: argparse.Namespace) -> None:
    """Write cases, synthetic cases and shapes."""
    from training.dataset.gather import prepare

    if not options.data:
        raise SystemExit("Give the folder of the scans: --data, or VISCERA_DATA.")
    for line in prepare(Path(options.data), options.out):
        print(line)


def run_classifier(options: argparse.Namespace) -> None:
    """Train the classifier."""
    from training.config import classifier_config
    from training.loop import Schedule
    from training.run import train

    schedule = Schedule(minutes=options.minutes, steps=options.steps, lr=3e-3)
    config = classifier_config(held_out=tuple(options.hold_out), schedule=schedule, seed=options.seed)
    train(RUNS / options.name, options.cases, config)


def run_segmenter(options: argparse.Namespace) -> None:
    """Train a segmenter."""
    from training.loop import Schedule
    from training.run import train

    schedule = Schedule(minutes=options.minutes, steps=options.steps)
    config = _segmenter(options.network, schedule, pretrained=options.pretrained, start=options.start, lr=options.rate)
    teacher = (options.teacher[0], Path(options.teacher[1])) if options.teacher else None
    held_out, seed, spec = tuple(options.hold_out), options.seed, options.spec
    config = replace(config, teacher=teacher, held_out=held_out, seed=seed, spec=spec)
    train(RUNS / options.name, options.cases, config)


def _segmenter(
    network: str,
    schedule: Schedule,
    *,
    pretrained: str | None = None,
    start: Path | None = None,
    lr: float | None = None,
) -> Config:
    """The configuration of a segmenter of this kind."""
    from training.config import segmenter_config

    network_options: dict[str, dict[str, Any]] = {
        "liteunet": {"pretrained": start is None},
        "unet": {"drop": 0.25},
        "segformer": {"start": pretrained},
    }
    schedule = replace(
        schedule,
        lr=lr or LEARNING_RATES[network],
        encoder_lr_factor=ENCODER_LR_FACTORS.get(network, 1.0),
        weight_decay=0.05,
    )
    return segmenter_config(network=network, options=network_options[network], start=start, batch=8, schedule=schedule)


def run_folds(options: argparse.Namespace) -> None:
    """Cross-validate by groups of patients."""
    from training.config import classifier_config
    from training.folds import FOLDS, FoldsConfig, cross_validate
    from training.loop import Schedule

    networks = ("unet", "liteunet") if options.network == "pair" else (options.network,)
    config = FoldsConfig(
        folds=tuple(tuple(patients) for patients in options.fold or FOLDS),
        classifier=classifier_config(schedule=Schedule(steps=options.classifier_steps, lr=3e-3)),
        segmenters=tuple(
            replace(_segmenter(network, Schedule(steps=options.steps or FOLD_STEPS[network])), spec=options.spec)
            for network in networks
        ),
    )
    print(cross_validate(RUNS / options.name, options.data, config).read_text())


def run_pseudo(options: argparse.Namespace) -> None:
    """Label unlabelled scans."""
    from training.nets.networks import build, load_weights
    from training.pseudo import write_pseudo_labels

    networks = [load_weights(build(options.network), path) for path in options.checkpoints]
    for name in write_pseudo_labels(networks, options.cases, options.spec):
        print(name)


def run_organ_swap(options: argparse.Namespace) -> None:
    """Write organ-swapped cases."""
    from training.dataset.organ_swap import write_organ_swaps

    for name in write_organ_swaps(options.data, tuple(options.hold_out), options.count):
        print(name)


def run_soup(options: argparse.Namespace) -> None:
    """Average the weights of several checkpoints."""
    from training.nets.networks import mean_weights

    mean_weights(options.checkpoints, options.out)


def run_ensemble(options: argparse.Namespace) -> None:
    """Join two checkpoints into one of an ensemble."""
    from training.nets.networks import ensemble_weights

    ensemble_weights(options.unet, options.liteunet, options.out)


def run_export(options: argparse.Namespace) -> None:
    """Write a model folder."""
    from training.export.cards import card_for
    from training.export.golden_outputs import record
    from training.export.to_onnx import export
    from training.nets.networks import build, load_weights

    network = "classifier" if options.stage == "classifier" else options.network or "unet"
    card = card_for(options.stage, network, options.version, options.threshold, options.spec)
    if options.metrics:
        card = card.model_copy(update={"metrics": json.loads(options.metrics.read_text())})
    trained = load_weights(build(network), options.checkpoint)
    final = export(trained, card, options.out)
    if options.record:
        record(trained, card, options.record)
    print(f"{final.name} {final.version} {final.sha256}")


def run_int8(options: argparse.Namespace) -> None:
    """Write the int8 variant."""
    from training.export.int8 import quantise

    final = quantise(options.model, options.cases, options.out)
    print(f"{final.name} {final.version} {final.sha256}")


def run_fp16(options: argparse.Namespace) -> None:
    """Write the fp16 variant, with its loss on the card."""
    from training.dataset.cases import load_cases
    from training.export.fp16 import convert_to_fp16

    labelled = [case for case in load_cases(options.cases) if case.outlined and not case.name.startswith("phantom")]
    cases = [case for case in labelled if not options.patients or case.patient in options.patients]
    final = convert_to_fp16(options.model, options.out, options.classifier, cases)
    print(f"{final.name} {final.version} {final.sha256}")
    print(json.dumps({name: value for name, value in final.metrics.items() if name.startswith("fp16_")}, indent=1))


def run_smoke(options: argparse.Namespace) -> None:
    """Run all steps on phantoms."""
    from training.smoke import smoke

    print(smoke(options.out, options.steps).read_text())


RUN: dict[str, Callable[[argparse.Namespace], None]] = {
    "prepare": run_prepare,
    "classifier": run_classifier,
    "segmenter": run_segmenter,
    "update": run_update,
    "curve": run_curve,
    "alike": run_alike,
    "pseudo": run_pseudo,
    "folds": run_folds,
    "export": run_export,
    "transplant": run_organ_swap,
    "soup": run_soup,
    "pair": run_ensemble,
    "quantise": run_int8,
    "half": run_fp16,
    "evaluate": run_evaluate,
    "compare": run_compare,
    "reader": run_reader,
    "calibrate": run_calibrate,
    "smoke": run_smoke,
}


if __name__ == "__main__":
    main()
