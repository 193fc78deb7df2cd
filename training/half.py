"""The fp16 variant of an exported model: for GPUs, where it halves memory and uses the tensor cores.

On a processor ONNX Runtime computes it in fp32 between fp16 roundings: no faster there, but its loss can be measured.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from shared.card import CARD, ModelCard, digest, load_card, save_card
from shared.model import Network, load_network
from shared.volume import ORGANS
from training.cases import Case
from training.evaluate import classify_case, evaluate_case

Figures = dict[str, float | str]


def half(folder: Path, out: Path, gate: Path, cases: list[Case]) -> ModelCard:
    """Write `out` as the fp16 variant of the model in `folder`, with what it loses on the labelled cases on its card.

    Input and output keep their types. A segmenter is measured behind the classifier in `gate`.
    """
    if not cases:
        raise SystemExit("There are no labelled cases to measure on: `./viscera train prepare` makes them.")
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    card = load_card(folder / CARD)
    out.mkdir(parents=True, exist_ok=True)
    model = convert_float_to_float16(onnx.load(folder / card.weights), keep_io_types=True)
    onnx.save(model, out / card.weights)
    made = card.model_copy(update={"version": f"{card.version}-fp16", "sha256": digest(out / card.weights)})
    save_card(made, out / CARD)
    exact, rounded = load_network(folder), load_network(out)
    loss = _gate_loss(exact, rounded, cases) if card.stage == "classifier" else _loss(exact, rounded, gate, cases)
    made = made.model_copy(update={"metrics": {**card.metrics, **loss}})
    save_card(made, out / CARD)
    return made


def _loss(exact: Network, rounded: Network, gate: Path, cases: list[Case]) -> Figures:
    """Mean Dice of both per organ (over cases that show it), the loss, and the share of voxels with another label."""
    network = load_network(gate)
    figures: Figures = {"fp16_measured_on": ", ".join(case.name for case in cases)}
    pairs = [(evaluate_case(case, network, exact), evaluate_case(case, network, rounded)) for case in cases]
    for organ in ORGANS:
        both = np.array([[one.figures[organ.name]["dice"] for one in pair] for pair in pairs])
        if np.isnan(both).all():
            continue
        before, after = np.nanmean(both, axis=0).tolist()
        figures[f"fp16_dice_{organ.name}"] = round(after, 5)
        figures[f"fp16_dice_loss_{organ.name}"] = round(before - after, 5)
    other = sum(int((one.predicted != two.predicted).sum()) for one, two in pairs)
    outlined = sum(int(((one.predicted > 0) | (two.predicted > 0)).sum()) for one, two in pairs)
    figures["fp16_other_label"] = round(other / max(outlined, 1), 6)
    return figures


def _gate_loss(exact: Network, rounded: Network, cases: list[Case]) -> Figures:
    """The largest difference of any score, and how many slices only one of the two keeps."""
    worst, changed = 0.0, 0
    for case in cases:
        one, two = classify_case(case, exact), classify_case(case, rounded)
        worst = max(worst, float(np.abs(one.scores - two.scores).max()))
        changed += int((one.keep != two.keep).sum())
    figures: Figures = {"fp16_measured_on": ", ".join(case.name for case in cases)}
    return figures | {"fp16_score_difference": round(worst, 6), "fp16_slices_judged_otherwise": float(changed)}
