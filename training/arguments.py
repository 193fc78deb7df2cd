"""Command-line options of each step of `./viscera train`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from shared.imaging.input_spec import InputSpec
from training.dataset.alike import LIMIT
from training.dataset.cases import VALIDATION_PATIENTS
from training.recipe import RECIPES

HERE = Path(__file__).parent
DATA, RUNS, SERVICES = HERE / "data", HERE / "runs", HERE.parent / "services"
SEGMENTERS = ("unet", "liteunet", "segformer")


def make_parser(description: str | None) -> argparse.ArgumentParser:
    """The parser of the command; its result has the name of the `step` and the step's options."""
    parser = argparse.ArgumentParser(
        prog="viscera train",
        description=description,
        epilog="`./viscera train bench` runs bench/stages.py: our stages beside the published cascade's shape.",
    )
    parser.add_argument("--threads", type=int, default=0, help="processor threads; 0: torch decides")
    steps = parser.add_subparsers(required=True, metavar="STEP", dest="step")
    _prepare(steps.add_parser("prepare", help="read scans and outlines of VISCERA_DATA and write them as cases"))
    _fit(steps.add_parser("classifier", help="train the classifier"), "classifier")
    _fit(steps.add_parser("segmenter", help="train a segmenter"), "segmenter")
    _update(steps.add_parser("update", help="teach a model new patients; it is kept only if it is better on others"))
    _learns_on(steps.add_parser("curve", help="what updates with 1, 2, 4 and so on new patients bring"))
    look = steps.add_parser("alike", help="pairs of pictures that are probably of one patient")
    look.add_argument("folders", type=Path, nargs="+", help="folders of prepared cases")
    look.add_argument("--limit", type=float, default=LIMIT, help="lowest correlation")
    _pseudo(steps.add_parser("pseudo", help="label unlabelled scans with trained segmenters"))
    _folds(steps.add_parser("folds", help="cross-validate a recipe by groups of patients"))
    _export(steps.add_parser("export", help="write a checkpoint as a model folder: ONNX and card"))
    _organ_swap(steps.add_parser("transplant", help="add cases: real slices with organ shapes of other patients"))
    _soup(steps.add_parser("soup", help="average the weights of runs that started from one checkpoint"))
    _ensemble(steps.add_parser("pair", help="join the checkpoints of a U-Net and a LiteUNet into an ensemble"))
    _int8(steps.add_parser("quantise", help="make the int8 variant of a model folder, calibrated on prepared cases"))
    _fp16(steps.add_parser("half", help="make the fp16 variant of a model folder, for GPUs, and measure its loss"))
    _evaluate(steps.add_parser("evaluate", help="measure a classifier and a segmenter; writes a report"))
    _compare(steps.add_parser("compare", help="the difference between two pairs of models on the same patients"))
    _evaluate(steps.add_parser("reader", help="what a simulated reader's clicks bring on the same cases"))
    _evaluate(steps.add_parser("calibrate", help="what a segmenter's confidence means; writes it to its card"))
    smoke = steps.add_parser("smoke", help="run all steps on phantoms, in about two minutes")
    smoke.add_argument("--out", type=Path, default=RUNS / "smoke")
    smoke.add_argument("--steps", type=int, default=160, help="training steps of each of the two networks")
    return parser


def _prepare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, default=os.environ.get("VISCERA_DATA"), help="default: VISCERA_DATA")
    parser.add_argument("--out", type=Path, default=DATA)


def _run_name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="name of the run, its folder is training/runs/NAME; an existing run is resumed")


def _fit(parser: argparse.ArgumentParser, stage: str) -> None:
    _run_name(parser)
    parser.add_argument("--cases", type=Path, default=DATA / "cases")
    parser.add_argument(
        "--hold-out", nargs="*", default=list(VALIDATION_PATIENTS), metavar="PATIENT", help="patients to validate on"
    )
    parser.add_argument("--minutes", type=float, default=60.0, help="longest duration")
    parser.add_argument("--steps", type=int, default=20_000, help="largest number of steps")
    parser.add_argument("--seed", type=int, default=0)
    if stage == "segmenter":
        parser.add_argument("--network", choices=SEGMENTERS, default="unet")
        parser.add_argument("--pretrained", help="SegFormer: a local folder or hub name to start from")
        parser.add_argument("--start", type=Path, help="a checkpoint to start from")
        _alone(parser)
        parser.add_argument("--rate", type=float, help="learning rate; the default depends on the network")
        parser.add_argument("--teacher", nargs=2, metavar=("NETWORK", "CHECKPOINT"), help="a network to distil from")


def _alone(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--alone",
        dest="spec",
        action="store_const",
        const=InputSpec(channels=1),
        default=InputSpec(),
        help="the segmenter sees each slice alone, without its neighbours",
    )


def _folds(parser: argparse.ArgumentParser) -> None:
    _run_name(parser)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--network", choices=("pair", *SEGMENTERS), default="pair")
    parser.add_argument("--steps", type=int, help="of each segmenter in each fold; the default depends on the network")
    _alone(parser)
    parser.add_argument(
        "--classifier-steps", "--gate-steps", type=int, default=900, help="of the classifier in each fold"
    )
    parser.add_argument(
        "--fold", nargs="+", action="append", metavar="PATIENT", help="patients of one fold; give it once per fold"
    )


def _update(parser: argparse.ArgumentParser) -> None:
    _learns_on(parser)
    parser.add_argument("out", type=Path, help="folder of the updated model")
    parser.add_argument("--version", required=True, help="of the updated model")
    parser.add_argument("--hold-out", nargs="*", default=[], metavar="PATIENT", help="new patients to measure on")
    parser.add_argument("--folds", type=int, default=2, help="without --hold-out: groups, each held out once")
    parser.add_argument("--against", metavar="NAME", help="an earlier run on the same groups: compare two recipes")
    _record(parser)
    parser.add_argument("--licence", default="of the owner of the scans", help="of the new cases, for the card")
    parser.add_argument(
        "--keep-fold",
        type=int,
        choices=(0, 1),
        help="of two folds: write the model of this one as it was measured, instead of learning from all once more",
    )


def _learns_on(parser: argparse.ArgumentParser) -> None:
    _run_name(parser)
    parser.add_argument("--learn", type=Path, nargs="+", default=[DATA / "corrections"], help="new cases")
    parser.add_argument("--cases", type=Path, default=DATA / "cases", help="cases that the model knows, to rehearse")
    parser.add_argument("--model", type=Path, default=SERVICES / "segmenter", help="the segmenter to start from")
    _classifier(parser)
    parser.add_argument("--leave-out", nargs="*", default=[], metavar="PATIENT", help="patients to leave out")
    parser.add_argument("--partial", type=Path, nargs="*", default=[], help="new cases with organs not outlined")
    parser.add_argument("--shapes", type=Path, help="outlines without images, for organ swaps")
    parser.add_argument("--networks", nargs="+", choices=("unet", "liteunet"), help="of a pair: those that learn")
    parser.add_argument("--recipe", choices=tuple(RECIPES), default="few", help="for a few new patients, or for many")
    parser.add_argument("--steps", type=int, help="of each network of the model, instead of the recipe's")
    parser.add_argument("--minutes", type=float, help="longest duration for each network, instead of the recipe's")
    parser.add_argument("--seed", type=int, default=0)


def _pseudo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoints", type=Path, nargs="+", help="networks whose probabilities are averaged")
    parser.add_argument("--cases", type=Path, default=DATA / "cases")
    parser.add_argument("--network", choices=("pair", *SEGMENTERS), default="unet")
    _alone(parser)


def _organ_swap(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--hold-out", nargs="*", default=[], metavar="PATIENT")
    parser.add_argument("--count", type=int, default=12, help="per labelled slice; 12 times as many for a volume")


def _soup(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path)
    parser.add_argument("checkpoints", type=Path, nargs="+")


def _ensemble(parser: argparse.ArgumentParser) -> None:
    for name in ("out", "unet", "liteunet"):
        parser.add_argument(name, type=Path)


def _export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("stage", choices=("classifier", "segmenter"))
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument(
        "--network",
        choices=("gate", "pair", *SEGMENTERS),
        help="kind of a segmenter, default unet; a classifier has one kind only, and gate is its old name",
    )
    _alone(parser)
    parser.add_argument("--version", default="0.1.0")
    parser.add_argument("--threshold", type=float)
    parser.add_argument("--metrics", type=Path, metavar="JSON", help="metrics for the card, name to number or text")
    _record(parser)


def _record(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--record", type=Path, metavar="NPZ", help="save torch's outputs on fixed slices for the tests")


def _int8(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--cases", type=Path, default=DATA / "cases")


def _fp16(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    _classifier(parser)
    parser.add_argument("--cases", type=Path, default=DATA / "cases")
    parser.add_argument("--patients", nargs="*", help="patients to measure on; default: all with outlines")


def _classifier(parser: argparse.ArgumentParser) -> None:
    folder, text = SERVICES / "classifier", "the classifier in front of the segmenter"
    parser.add_argument("--classifier", "--gate", type=Path, default=folder, help=text)


def _compare(parser: argparse.ArgumentParser) -> None:
    _measured(parser)
    parser.add_argument("--other-classifier", type=Path, metavar="FOLDER", help="default: the same")
    parser.add_argument("--other-segmenter", type=Path, metavar="FOLDER", help="default: the same")
    for name in ("scales", "tones"):
        text = f"average the other segmenter's answers over these {name}"
        parser.add_argument(f"--{name}", type=float, nargs="+", default=[1.0], metavar="FACTOR", help=text)


def _evaluate(parser: argparse.ArgumentParser) -> None:
    _measured(parser)
    parser.add_argument("--out", type=Path, default=RUNS / "report")


def _measured(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("classifier", type=Path)
    parser.add_argument("segmenter", type=Path)
    parser.add_argument("--cases", type=Path, default=DATA / "cases")
    parser.add_argument(
        "--patients",
        nargs="*",
        default=list(VALIDATION_PATIENTS),
        help="patients to measure on; the option alone means all",
    )
    parser.add_argument("--leave-out", nargs="*", default=[], metavar="PATIENT", help="patients to leave out")
