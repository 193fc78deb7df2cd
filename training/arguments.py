"""What each step of `./viscera train` can be told."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from shared.card import Input

HERE = Path(__file__).parent
DATA, RUNS = HERE / "data", HERE / "runs"
SEGMENTERS = ("unet", "liteunet", "segformer")


def make_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser whose answers have the `step` and what it was told."""
    parser = argparse.ArgumentParser(
        prog="viscera train",
        description=description,
        epilog="`./viscera train bench` runs bench/stages.py: our stages beside the published cascade's shape.",
    )
    parser.add_argument("--threads", type=int, default=0, help="processor threads; 0: torch decides")
    steps = parser.add_subparsers(required=True, metavar="STEP", dest="step")
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
    smoke = steps.add_parser("smoke", help="all steps on phantoms, in about two minutes")
    smoke.add_argument("--out", type=Path, default=RUNS / "smoke")
    smoke.add_argument("--steps", type=int, default=250, help="for each of the two networks")
    return parser


def _prepare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, default=os.environ.get("VISCERA_DATA"), help="default: VISCERA_DATA")
    parser.add_argument("--out", type=Path, default=DATA)


def _fit(parser: argparse.ArgumentParser, stage: str) -> None:
    parser.add_argument("name", help="of the run: checkpoints and logs go to training/runs/NAME; goes on if there")
    parser.add_argument("--cases", type=Path, default=DATA / "cases")
    parser.add_argument("--hold-out", nargs="*", default=["case101", "case110", "case119"], metavar="PATIENT")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    if stage == "segmenter":
        parser.add_argument("--network", choices=SEGMENTERS, default="unet")
        parser.add_argument("--pretrained", help="SegFormer: a local folder or hub name to start from")
        parser.add_argument("--start", type=Path, help="a checkpoint to start from")
        _alone(parser)
        parser.add_argument("--rate", type=float, help="learning rate; by default what suits the network")
        parser.add_argument(
            "--teacher", nargs=2, metavar=("NETWORK", "CHECKPOINT"), help="whose answers to learn as well"
        )


def _alone(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--alone",
        dest="wants",
        action="store_const",
        const=Input(channels=1),
        default=Input(),
        help="the segmenter sees each slice alone, not its neighbours",
    )


def _folds(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="of the run: everything goes to training/runs/NAME; goes on if there")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--network", choices=("pair", *SEGMENTERS), default="pair")
    parser.add_argument("--steps", type=int, help="of each segmenter, in each fold; by default what suits it")
    _alone(parser)
    parser.add_argument("--gate-steps", type=int, default=900)
    parser.add_argument("--fold", nargs="+", action="append", metavar="PATIENT", help="held out together; repeat it")


def _pseudo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoints", type=Path, nargs="+", help="whose probabilities are averaged")
    parser.add_argument("--cases", type=Path, default=DATA / "cases")
    parser.add_argument("--network", choices=("pair", *SEGMENTERS), default="unet")
    _alone(parser)


def _transplant(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--hold-out", nargs="*", default=[], metavar="PATIENT")
    parser.add_argument("--count", type=int, default=12, help="per labelled slice; a volume gives 12 times as many")


def _soup(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path)
    parser.add_argument("checkpoints", type=Path, nargs="+")


def _both(parser: argparse.ArgumentParser) -> None:
    for name in ("out", "unet", "liteunet"):
        parser.add_argument(name, type=Path)


def _export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("stage", choices=("classifier", "segmenter"))
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--network", choices=("gate", "pair", *SEGMENTERS))
    _alone(parser)
    parser.add_argument("--version", default="0.1.0")
    parser.add_argument("--threshold", type=float)
    parser.add_argument("--metrics", type=Path, metavar="JSON", help="figures for the card, name to number or text")
    parser.add_argument("--record", type=Path, metavar="NPZ", help="keep answers on fixed slices for the tests")


def _quantise(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--cases", type=Path, default=DATA / "cases")


def _half(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--gate", type=Path, default=HERE.parent / "services" / "classifier", help="its classifier")
    parser.add_argument("--cases", type=Path, default=DATA / "cases")
    parser.add_argument("--patients", nargs="*", help="to measure on; default: all that somebody outlined")


def _evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("classifier", type=Path)
    parser.add_argument("segmenter", type=Path)
    parser.add_argument("--cases", type=Path, default=DATA / "cases")
    parser.add_argument(
        "--patients", nargs="*", default=["case101", "case110", "case119"], help="to measure on; without names: all"
    )
    parser.add_argument("--leave-out", nargs="*", default=[], metavar="PATIENT", help="of these: all but those")
    parser.add_argument("--out", type=Path, default=RUNS / "report")
