"""`./viscera train ...`: prepare -> classifier | segmenter -> export -> evaluate, and smoke, which does all of it."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.arguments import RUNS, make_parser

if TYPE_CHECKING:
    from training.loop import Plan
    from training.segmenter import Config

RATES = {"unet": 2e-3, "liteunet": 1e-3, "segformer": 3e-4}
"""Learning rate of each segmenter."""
STEPS = {"unet": 1700, "liteunet": 1000, "segformer": 1000}
"""Steps of each in a fold: with batches of 8, about as long as it goes on learning what holds for other patients."""
GENTLE = {"liteunet": 0.15}
"""The part of it at which an encoder learns that has learnt before."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one step; `--help` after its name says what it takes."""
    chosen = make_parser(__doc__).parse_args(arguments)
    _threads(chosen.threads)
    RUN[chosen.step](chosen)


def _threads(count: int) -> None:
    if count:
        import torch

        torch.set_num_threads(count)


def run_prepare(chosen: argparse.Namespace) -> None:
    """Cases, rendered cases and shapes."""
    from training.gather import prepare

    if not chosen.data:
        raise SystemExit("Say where the scans are: --data, or VISCERA_DATA.")
    for line in prepare(Path(chosen.data), chosen.out):
        print(line)


def run_classifier(chosen: argparse.Namespace) -> None:
    """Train the gate."""
    from training.classifier import Config, train
    from training.loop import Plan

    plan = Plan(minutes=chosen.minutes, steps=chosen.steps, rate=3e-3)
    train(RUNS / chosen.name, chosen.cases, Config(held_out=tuple(chosen.hold_out), plan=plan, seed=chosen.seed))


def run_segmenter(chosen: argparse.Namespace) -> None:
    """Train the segmenter."""
    from training.loop import Plan
    from training.segmenter import train

    plan = Plan(minutes=chosen.minutes, steps=chosen.steps)
    config = _segmenter(chosen.network, plan, pretrained=chosen.pretrained, start=chosen.start, rate=chosen.rate)
    teacher = (chosen.teacher[0], Path(chosen.teacher[1])) if chosen.teacher else None
    held_out, seed, wants = tuple(chosen.hold_out), chosen.seed, chosen.wants
    config = replace(config, teacher=teacher, held_out=held_out, seed=seed, wants=wants)
    train(RUNS / chosen.name, chosen.cases, config)


def _segmenter(
    network: str, plan: Plan, *, pretrained: str | None = None, start: Path | None = None, rate: float | None = None
) -> Config:
    """How a segmenter of this kind is trained."""
    from training.segmenter import Config

    options: dict[str, dict[str, Any]] = {
        "liteunet": {"pretrained": start is None},
        "unet": {"drop": 0.25},
        "segformer": {"start": pretrained},
    }
    plan = replace(plan, rate=rate or RATES[network], gentle=GENTLE.get(network, 1.0), decay=0.05)
    return Config(kind=network, options=options[network], start=start, batch=8, plan=plan)


def run_folds(chosen: argparse.Namespace) -> None:
    """Train and measure on every fold."""
    from training import classifier
    from training.folds import FOLDS, Config, folds
    from training.loop import Plan

    config = Config(
        folds=tuple(tuple(held) for held in chosen.fold or FOLDS),
        gate=classifier.Config(plan=Plan(steps=chosen.gate_steps, rate=3e-3)),
        segmenters=tuple(
            replace(_segmenter(network, Plan(steps=chosen.steps or STEPS[network])), wants=chosen.wants)
            for network in (("unet", "liteunet") if chosen.network == "pair" else (chosen.network,))
        ),
    )
    print(folds(RUNS / chosen.name, chosen.data, config).read_text())


def run_pseudo(chosen: argparse.Namespace) -> None:
    """Label the unlabelled."""
    from training.networks import build, load_weights
    from training.pseudo import label

    networks = [load_weights(build(chosen.network), path) for path in chosen.checkpoints]
    for name in label(networks, chosen.cases, chosen.wants):
        print(name)


def run_transplant(chosen: argparse.Namespace) -> None:
    """More cases."""
    from training.transplant import write_transplants

    for name in write_transplants(chosen.data, tuple(chosen.hold_out), chosen.count):
        print(name)


def run_soup(chosen: argparse.Namespace) -> None:
    """One checkpoint from some."""
    from training.networks import mean_weights

    mean_weights(chosen.checkpoints, chosen.out)


def run_pair(chosen: argparse.Namespace) -> None:
    """One checkpoint from two."""
    from training.networks import both_weights

    both_weights(chosen.unet, chosen.liteunet, chosen.out)


def run_export(chosen: argparse.Namespace) -> None:
    """Write a model folder."""
    from training.cards import card_for
    from training.export import export
    from training.networks import Served, build, load_weights
    from training.record import record, scans_to_record

    network = chosen.network or ("gate" if chosen.stage == "classifier" else "unet")
    card = card_for(chosen.stage, network, chosen.version, chosen.threshold, chosen.wants)
    if chosen.metrics:
        card = card.model_copy(update={"metrics": json.loads(chosen.metrics.read_text())})
    trained = load_weights(build(network), chosen.checkpoint)
    final = export(trained, card, chosen.out)
    if chosen.record:
        data = os.environ.get("VISCERA_DATA")
        scans = scans_to_record(Path(data) if data else None)
        record(Served(trained, chosen.stage), scans, card.input, chosen.record)
    print(f"{final.name} {final.version} {final.sha256}")


def run_quantise(chosen: argparse.Namespace) -> None:
    """Write the int8 variant."""
    from training.quantise import quantise

    final = quantise(chosen.model, chosen.cases, chosen.out)
    print(f"{final.name} {final.version} {final.sha256}")


def run_half(chosen: argparse.Namespace) -> None:
    """Write the fp16 variant, with its loss on the card."""
    from training.cases import load_cases
    from training.half import half

    labelled = [case for case in load_cases(chosen.cases) if case.outlined and not case.name.startswith("phantom")]
    asked = [case for case in labelled if not chosen.patients or case.patient in chosen.patients]
    final = half(chosen.model, chosen.out, chosen.gate, asked)
    print(f"{final.name} {final.version} {final.sha256}")
    print(json.dumps({name: value for name, value in final.metrics.items() if name.startswith("fp16_")}, indent=1))


def run_evaluate(chosen: argparse.Namespace) -> None:
    """Measure a pair."""
    from shared.model import load_network
    from training.cases import load_cases
    from training.evaluate import evaluate_case
    from training.report import write_report

    classifier, segmenter = load_network(chosen.classifier), load_network(chosen.segmenter)
    cases = [case for case in load_cases(chosen.cases) if case.outlined and case.patient not in chosen.leave_out]
    if chosen.patients:
        cases = [case for case in cases if case.patient in chosen.patients]
    if not cases:
        raise SystemExit("None of these patients has labelled cases there.")
    results = [evaluate_case(case, classifier, segmenter) for case in cases]
    page = write_report(chosen.out, [classifier.card, segmenter.card], results)
    print(page.read_text())


def run_smoke(chosen: argparse.Namespace) -> None:
    """Everything, small."""
    from training.smoke import smoke

    print(smoke(chosen.out, chosen.steps).read_text())


RUN: dict[str, Callable[[argparse.Namespace], None]] = {
    "prepare": run_prepare,
    "classifier": run_classifier,
    "segmenter": run_segmenter,
    "pseudo": run_pseudo,
    "folds": run_folds,
    "export": run_export,
    "transplant": run_transplant,
    "soup": run_soup,
    "pair": run_pair,
    "quantise": run_quantise,
    "half": run_half,
    "evaluate": run_evaluate,
    "smoke": run_smoke,
}


if __name__ == "__main__":
    main()
