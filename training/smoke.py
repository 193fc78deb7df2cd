"""Every step on phantoms: prepare, train both networks briefly, export, evaluate. What CI runs."""

from __future__ import annotations

from pathlib import Path

from shared.card import ModelCard
from shared.model import load_network
from training import classifier, segmenter
from training.cards import card_for
from training.cases import load_cases, save_case
from training.evaluate import evaluate_case, summary
from training.export import export
from training.gather import phantoms
from training.loop import Plan
from training.report import write_report

HELD_OUT = ("phantom00", "phantom01")
ONLY = {"phantom": 1.0}


def smoke(out: Path, steps: int = 250, least: float = 0.5) -> Path:
    """Write cases, runs, model folders and a report below `out`; RuntimeError if an organ's Dice is below `least`."""
    for case in phantoms(6):
        save_case(case, out / "cases")
    plan = Plan(steps=steps, look_every=steps // 2, average=0.95, warm=20)
    size = (160, 224)
    gate = classifier.train(
        out / "gate", out / "cases", classifier.Config(held_out=HELD_OUT, shares=ONLY, size=size, plan=plan)
    )
    unet = segmenter.train(
        out / "unet",
        out / "cases",
        segmenter.Config(
            held_out=HELD_OUT, shares=ONLY, size=size, batch=4, plan=plan, options={"widths": (16, 32, 48, 64)}
        ),
    )
    cards = [
        export(gate, card_for("classifier", "gate", "smoke", threshold=0.2), out / "classifier"),
        export(unet, card_for("segmenter", "unet", "smoke"), out / "segmenter"),
    ]
    return _measure(out, cards, least)


def _measure(out: Path, cards: list[ModelCard], least: float) -> Path:
    pair = load_network(out / "classifier"), load_network(out / "segmenter")
    judged = [evaluate_case(case, *pair) for case in load_cases(out / "cases") if case.patient in HELD_OUT]
    page = write_report(out / "report", cards, judged)
    for organ, figures in summary(judged).items():
        if figures["dice"][0] < least:
            raise RuntimeError(f"after training on phantoms, the {organ} has a Dice of only {figures['dice'][0]:.2f}")
    return page
