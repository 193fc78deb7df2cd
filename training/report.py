"""Writes an evaluation as a page: Markdown with tables, and PNG with ROC curve, confusion, best and worst slices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.arrays import UInt8
from shared.imaging.input_spec import Normalisation
from shared.imaging.preprocess import normalise
from shared.imaging.volume import ORGANS
from shared.models.card import ModelCard
from training.dataset.preview import overlay_organs
from training.evaluate import CaseResult, confusion, roc_curve, summary
from training.metrics import dice


def write_report(folder: Path, cards: list[ModelCard], results: list[CaseResult]) -> Path:
    """Write `report.md` and its pictures to `folder`; returns the path of the page."""
    folder.mkdir(parents=True, exist_ok=True)
    _pictures(folder, results)
    page = folder / "report.md"
    lines = [*_heading(cards, results), *_organs(results), *_classifier(cards, results), *_images()]
    page.write_text("\n".join(lines) + "\n")
    return page


def _heading(cards: list[ModelCard], results: list[CaseResult]) -> list[str]:
    patients = sorted({result.case.patient for result in results})
    lines = ["# Evaluation", ""]
    lines += [f"- {card.stage}: {card.name} {card.version}, SHA-256 {card.sha256[:12]}" for card in cards]
    slices = sum(len(result.case.data) for result in results)
    return [*lines, f"- {slices} slices of {len(patients)} patients: {', '.join(patients)}", ""]


def _organs(results: list[CaseResult]) -> list[str]:
    table = summary(results)
    names = sorted({name for figures in table.values() for name in figures})
    lines = ["Mean over patients, with 95 % bootstrap interval over patients.", ""]
    lines += [f"| organ | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    for organ, figures in table.items():
        cells = [_cell(figures.get(name)) for name in names]
        lines.append(f"| {organ} | {' | '.join(cells)} |")
    return [*lines, ""]


def _cell(value: tuple[float, float, float] | None) -> str:
    if value is None or not np.isfinite(value[0]):
        return "-"
    return f"{value[0]:.3f} ({value[1]:.3f} to {value[2]:.3f})"


def _classifier(cards: list[ModelCard], results: list[CaseResult]) -> list[str]:
    curve = roc_curve(results)
    threshold = next(card.decision_threshold for card in cards if card.stage == "classifier")
    shown = np.concatenate([result.shown for result in results])
    keep = np.concatenate([result.scores.keep for result in results])
    at = max(int(np.searchsorted(-curve.thresholds, -threshold, side="right")) - 1, 0)
    return [
        f"Classifier: area under the ROC curve {curve.area:.3f}; at the card's threshold {threshold:.3f} recall of "
        f"slices with an organ {curve.recall[at]:.3f}, false positives {curve.false_positives[at]:.3f}. The stage "
        f"keeps {keep[shown].sum()} of {shown.sum()} slices with an organ and {keep[~shown].sum()} of {(~shown).sum()} "
        "without.",
        "",
    ]


def _images() -> list[str]:
    names = ("roc.png", "confusion.png", "best.png", "worst.png")
    return [f"![{name.split('.')[0]}]({name})" for name in names]


def _pictures(folder: Path, results: list[CaseResult]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    curve = roc_curve(results)
    figure, axes = plt.subplots(figsize=(4, 4))
    axes.plot(curve.false_positives, curve.recall)
    axes.set(xlabel="false positives", ylabel="recall of slices with an organ", xlim=(0, 1), ylim=(0, 1.01))
    _save(figure, folder / "roc.png")
    counts = confusion(results).astype(float)
    figure, axes = plt.subplots(figsize=(4, 4))
    axes.imshow(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), cmap="Blues", vmin=0, vmax=1)
    titles = ["background", *(organ.title for organ in ORGANS)]
    axes.set(
        xticks=range(4), yticks=range(4), xticklabels=titles, yticklabels=titles, xlabel="predicted", ylabel="reference"
    )
    axes.tick_params(axis="x", rotation=45)
    _save(figure, folder / "confusion.png")
    ranked = _ranked(results)
    cv2.imwrite(str(folder / "worst.png"), _row(results, ranked[:4]))
    cv2.imwrite(str(folder / "best.png"), _row(results, ranked[-4:]))


def _save(figure: Any, path: Path) -> None:
    import matplotlib.pyplot as plt

    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _ranked(results: list[CaseResult]) -> list[tuple[float, int, int]]:
    """(Mean Dice of the organs shown, case, slice) of all slices that show an organ, worst first."""
    ranked = []
    for number, result in enumerate(results):
        for index in np.flatnonzero(result.shown):
            reference, predicted = result.case.labels[index], result.predicted[index]
            shown = [organ.id for organ in ORGANS if (reference == organ.id).any()]
            each = [dice(predicted == organ, reference == organ) for organ in shown]
            ranked.append((float(np.mean(each)), number, int(index)))
    return sorted(ranked)


def _row(results: list[CaseResult], ranked: list[tuple[float, int, int]]) -> UInt8:
    columns = [
        overlay(results[n].case.data[i], results[n].case.labels[i], results[n].predicted[i]) for _, n, i in ranked
    ]
    return np.hstack(columns) if columns else np.zeros((8, 8, 3), dtype=np.uint8)


def overlay(image: NDArray[Any], reference: UInt8, predicted: UInt8, side: int = 288) -> UInt8:
    """A slice with the reference above and the prediction below, in the organs' colours (BGR)."""
    grey = normalise(image[None], "MR", Normalisation())[0]
    rows = []
    for labels in (reference, predicted):
        rows.append(cv2.resize(overlay_organs(grey, labels), (side, side), interpolation=cv2.INTER_AREA))
    return np.vstack(rows)
