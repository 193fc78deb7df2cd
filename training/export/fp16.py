"""The fp16 variant of an exported model, for GPUs: it halves the memory and uses the tensor cores.

On a processor ONNX Runtime computes it in fp32 between roundings to fp16: not faster, but its loss can be measured.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from shared.imaging.volume import ORGANS
from shared.models.card import CARD, ModelCard, digest, load_card, save_card
from shared.models.network import Network, load_network
from training.dataset.cases import Case
from training.evaluate import classify_case, evaluate_case

Figures = dict[str, float | str]


def convert_to_fp16(folder: Path, out: Path, classifier: Path, cases: list[Case]) -> ModelCard:
    """Write `out` as the fp16 variant of the model in `folder`, with its loss on the labelled cases on its card.

    Input and output keep their types. A segmenter is measured behind the classifier in the folder `classifier`.
    Raises SystemExit without cases.
    """
    if not cases:
        raise SystemExit("There are no labelled cases to measure on: `./viscera train prepare` makes them.")
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    card = load_card(folder / CARD)
    out.mkdir(parents=True, exist_ok=True)
    model = convert_float_to_float16(onnx.load(folder / card.weights), keep_io_types=True)
    onnx.save(model, out / card.weights)
    fp16_card = card.model_copy(update={"version": f"{card.version}-fp16", "sha256": digest(out / card.weights)})
    save_card(fp16_card, out / CARD)  # the network can't be loaded without it
    fp32, fp16 = load_network(folder), load_network(out)
    if card.stage == "classifier":
        loss = _classifier_loss(fp32, fp16, cases)
    else:
        loss = _segmenter_loss(fp32, fp16, load_network(classifier), cases)
    measured_on: Figures = {"fp16_measured_on": ", ".join(case.name for case in cases)}
    fp16_card = fp16_card.model_copy(update={"metrics": {**card.metrics, **measured_on, **loss}})
    save_card(fp16_card, out / CARD)
    return fp16_card


def _segmenter_loss(fp32: Network, fp16: Network, classifier: Network, cases: list[Case]) -> Figures:
    """Mean Dice per organ over the cases that show it, its loss, and the share of organ voxels whose label changed."""
    figures: Figures = {}
    pairs = [(evaluate_case(case, classifier, fp32), evaluate_case(case, classifier, fp16)) for case in cases]
    for organ in ORGANS:
        dice = np.array([[result.figures[organ.name]["dice"] for result in pair] for pair in pairs])
        if np.isnan(dice).all():
            continue
        before, after = np.nanmean(dice, axis=0).tolist()
        figures[f"fp16_dice_{organ.name}"] = round(after, 5)
        figures[f"fp16_dice_loss_{organ.name}"] = round(before - after, 5)
    changed = sum(int((first.predicted != second.predicted).sum()) for first, second in pairs)
    outlined = sum(int(((first.predicted > 0) | (second.predicted > 0)).sum()) for first, second in pairs)
    figures["fp16_other_label"] = round(changed / max(outlined, 1), 6)
    return figures


def _classifier_loss(fp32: Network, fp16: Network, cases: list[Case]) -> Figures:
    """The largest difference of a score, and the number of slices that only one of the two keeps."""
    largest, changed = 0.0, 0
    for case in cases:
        first, second = classify_case(case, fp32), classify_case(case, fp16)
        largest = max(largest, float(np.abs(first.scores - second.scores).max()))
        changed += int((first.keep != second.keep).sum())
    return {"fp16_score_difference": round(largest, 6), "fp16_slices_judged_otherwise": float(changed)}
