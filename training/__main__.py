"""`./viscera train ...`: prepare -> classifier | segmenter -> export -> evaluate, and smoke, which does all of it."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from training.loop import Plan
    from training.segmenter import Config

HERE = Path(__file__).parent
DATA, RUNS = HERE / "data", HERE / "runs"
RATES = {"unet": 2e-3, "liteunet": 1e-3, "segformer": 3e-4}
"""Learning rate of each segmenter."""
STEPS = {"unet": 1700, "liteunet": 1000, "segformer": 1000}
"""Steps of each in a fold: with batches of 8, about as long as it goes on learning what holds for other patients."""
GENTLE = {"liteunet": 0.15}
"""The part of it at which an encoder learns that has learnt before."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one step; `--help` after its name says what it takes."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["bench"]:
        from bench.stages import main as bench

        bench(words[1:])
        return
    chosen = _parser().parse_args(words)
    _threads(chosen.threads)
    chosen.run(chosen)


def _threads(count: int) -> None:
    if count:
        import torch

        torch.set_num_threads(count)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="viscera train", description=__doc__)
    parser.add_argument("--threads", type=int, default=0, help="processor threads; 0: torch decides")
    steps = parser.add_subparsers(required=True, metavar="STEP")
    _prepare(steps.add_parser("prepare", help="scans and outlines of VISCERA_DATA into one form"))
    _fit(steps.add_parser("classifier", help="train the gate"), "classifier")
    _fit(steps.add_parser("segmenter", help="train the segmenter"), "segmenter")
    _pseudo(steps.add_parser("pseudo", help="label scans that nobody outlined with a trained segmenter"))
    _folds(steps.add_parser("folds", help="train and measure a recipe on patients held out, group by group"))
    _export(steps.add_parser("export", help="a checkpoint as a model folder: ONNX and card"))
    _transplant(steps.add_parser("transplant", help="real slices with other people's organ shapes, as more cases"))
    _soup(steps.add_parser("soup", help="the mean of the weights of runs that started from one checkpoint"))
    _both(steps.add_parser("pair", help="one checkpoint of a U-Net's and a LiteUNet's, which answer together"))
    _quantise(steps.add_parser("quantise", help="the int8 variant of a model folder, calibrated on prepared cases"))
    _half(steps.add_parser("half", help="the fp16 variant of a model folder, for GPUs; measures what it costs"))
    _evaluate(steps.add_parser("evaluate", help="measure a pair of model folders; writes a report"))
    steps.add_parser("bench", help="our stages beside the published cascade's shape (bench/stages.py)")
    smoke = steps.add_parser("smoke", help="all steps on phantoms, in about two minutes")
    smoke.add_argument("--out", type=Path, default=RUNS / "smoke")
    smoke.add_argument("--steps", type=int, default=250, help="for each of the two networks")
    smoke.set_defaults(run=run_smoke)
    return parser


def _prepare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, default=os.environ.get("VISCERA_DATA"), help="default: VISCERA_DATA")
    parser.add_argument("--out", type=Path, default=DATA)
    parser.set_defaults(run=run_prepare)


def _fit(parser: argparse.ArgumentParser, stage: str) -> None:
    parser.add_argument("name", help="of the run: checkpoints and logs go to training/runs/NAME; goes on if there")
    parser.add_argument("--cases", type=Path, default=DATA / "cases")
    parser.add_argument("--hold-out", nargs="*", default=["case101", "case110", "case119"], metavar="PATIENT")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    if stage == "segmenter":
        parser.add_argument("--network", choices=tuple(RATES), default="unet")
        parser.add_argument("--pretrained", help="SegFormer: a local folder or hub name to start from")
        parser.add_argument("--start", type=Path, help="a checkpoint to start from")
        parser.add_argument("--rate", type=float, help="learning rate; by default what suits the network")
        parser.add_argument(
            "--teacher", nargs=2, metavar=("NETWORK", "CHECKPOINT"), help="whose answers to learn as well"
        )
    parser.set_defaults(run=run_segmenter if stage == "segmenter" else run_classifier)


def _folds(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="of the run: everything goes to training/runs/NAME; goes on if there")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--network", choices=("pair", *RATES), default="pair")
    parser.add_argument("--steps", type=int, help="of each segmenter, in each fold; by default what suits it")
    parser.add_argument("--gate-steps", type=int, default=900)
    parser.add_argument("--fold", nargs="+", action="append", metavar="PATIENT", help="held out together; repeat it")
    parser.set_defaults(run=run_folds)


def _pseudo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoints", type=Path, nargs="+", help="whose probabilities are averaged")
    parser.add_argument("--cases", type=Path, default=DATA / "cases")
    parser.add_argument("--network", choices=("pair", *RATES), default="unet")
    parser.set_defaults(run=run_pseudo)


def _transplant(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--hold-out", nargs="*", default=[], metavar="PATIENT")
    parser.add_argument("--count", type=int, default=12, help="per labelled slice; a volume gives 12 times as many")
    parser.set_defaults(run=run_transplant)


def _soup(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path)
    parser.add_argument("checkpoints", type=Path, nargs="+")
    parser.set_defaults(run=run_soup)


def _both(parser: argparse.ArgumentParser) -> None:
    for name in ("out", "unet", "liteunet"):
        parser.add_argument(name, type=Path)
    parser.set_defaults(run=run_pair)


def _export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("stage", choices=("classifier", "segmenter"))
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--network", choices=("gate", "pair", *RATES))
    parser.add_argument("--version", default="0.1.0")
    parser.add_argument("--threshold", type=float)
    parser.add_argument("--metrics", type=Path, metavar="JSON", help="figures for the card, name to number or text")
    parser.add_argument("--record", type=Path, metavar="NPZ", help="keep answers on fixed slices for the tests")
    parser.set_defaults(run=run_export)


def _quantise(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--cases", type=Path, default=DATA / "cases")
    parser.set_defaults(run=run_quantise)


def _half(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--gate", type=Path, default=HERE.parent / "services" / "classifier", help="its classifier")
    parser.add_argument("--cases", type=Path, default=DATA / "cases")
    parser.add_argument("--patients", nargs="*", help="to measure on; default: all that somebody outlined")
    parser.set_defaults(run=run_half)


def _evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("classifier", type=Path)
    parser.add_argument("segmenter", type=Path)
    parser.add_argument("--cases", type=Path, default=DATA / "cases")
    parser.add_argument("--patients", nargs="*", default=["case101", "case110", "case119"])
    parser.add_argument("--out", type=Path, default=RUNS / "report")
    parser.set_defaults(run=run_evaluate)


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
    config = replace(config, teacher=teacher, held_out=tuple(chosen.hold_out), seed=chosen.seed)
    train(RUNS / chosen.name, chosen.cases, config)


def _segmenter(
    network: str, plan: Plan, *, pretrained: str | None = None, start: Path | None = None, rate: float | None = None
) -> Config:
    """How a segmenter of this kind is trained."""
    from training.segmenter import Config

    options = {"liteunet": {"pretrained": start is None}, "unet": {"drop": 0.25}, "segformer": {"start": pretrained}}
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
            _segmenter(network, Plan(steps=chosen.steps or STEPS[network]))
            for network in (("unet", "liteunet") if chosen.network == "pair" else (chosen.network,))
        ),
    )
    print(folds(RUNS / chosen.name, chosen.data, config).read_text())


def run_pseudo(chosen: argparse.Namespace) -> None:
    """Label the unlabelled."""
    from training.networks import build, load_weights
    from training.pseudo import label

    networks = [load_weights(build(chosen.network), path) for path in chosen.checkpoints]
    for name in label(networks, chosen.cases):
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
    card = card_for(chosen.stage, network, chosen.version, chosen.threshold)
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
    from training.evaluate import judge
    from training.report import write_report

    gate, segmenter = load_network(chosen.classifier), load_network(chosen.segmenter)
    cases = [case for case in load_cases(chosen.cases) if case.patient in chosen.patients and case.outlined]
    judged = [judge(case, gate, segmenter) for case in cases]
    if not judged:
        raise SystemExit("None of these patients has labelled cases there.")
    page = write_report(chosen.out, [gate.card, segmenter.card], judged)
    print(page.read_text())


def run_smoke(chosen: argparse.Namespace) -> None:
    """Everything, small."""
    from training.smoke import smoke

    print(smoke(chosen.out, chosen.steps).read_text())


if __name__ == "__main__":
    main()
