"""All steps on phantoms: prepare, train both networks briefly, export, evaluate. CI runs it."""

from __future__ import annotations

from pathlib import Path

from shared.models.card import ModelCard
from shared.models.network import load_network
from training.config import classifier_config, segmenter_config
from training.dataset.cases import load_cases, save_case
from training.dataset.gather import phantoms
from training.evaluate import evaluate_case, summary
from training.export.cards import card_for
from training.export.to_onnx import export
from training.loop import Schedule
from training.report import write_report
from training.run import train

HELD_OUT = ("phantom00", "phantom01")


def smoke(out: Path, steps: int = 160, min_dice: float = 0.5) -> Path:
    """Write cases, runs, model folders and a report below `out`; returns the path of the report.

    Raises RuntimeError if the Dice of an organ is below `min_dice`.
    """
    for case in phantoms(6):
        save_case(case, out / "cases")
    schedule = Schedule(steps=steps, eval_every=steps // 2, ema_decay=0.95, warmup_steps=20)
    common = {"held_out": HELD_OUT, "shares": {"phantom": 1.0}, "size": (160, 224), "schedule": schedule}
    widths = {"widths": (16, 32, 48, 64)}
    classifier = train(out / "runs" / "classifier", out / "cases", classifier_config(**common))
    segmenter = train(out / "runs" / "unet", out / "cases", segmenter_config(options=widths, **common))
    cards = [
        export(classifier, card_for("classifier", "classifier", "smoke", threshold=0.2), out / "classifier"),
        export(segmenter, card_for("segmenter", "unet", "smoke"), out / "segmenter"),
    ]
    return _evaluate(out, cards, min_dice)


def _evaluate(out: Path, cards: list[ModelCard], min_dice: float) -> Path:
    pair = load_network(out / "classifier"), load_network(out / "segmenter")
    results = [evaluate_case(case, *pair) for case in load_cases(out / "cases") if case.patient in HELD_OUT]
    page = write_report(out / "report", cards, results)
    for organ, figures in summary(results).items():
        if figures["dice"][0] < min_dice:
            raise RuntimeError(f"after training on phantoms, the {organ} has a Dice of only {figures['dice'][0]:.2f}")
    return page
