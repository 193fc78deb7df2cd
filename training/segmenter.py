"""What training does for the segmenter only: labels below the outlined region, and validation figures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from torch import nn

from shared.imaging.volume import ORGANS
from training.dataset.cases import IGNORE, Scan, organ_mask
from training.predict import slice_logits


def ignore_below_outlines(scan: Scan) -> Scan:
    """The scan with IGNORE below its last outlined slice: bowel continues there without outlines."""
    shown = np.flatnonzero(organ_mask(scan.labels).any(axis=(1, 2)))
    if scan.case.kind != "volume" or not scan.case.name.startswith("case") or not shown.size:
        return scan
    labels = scan.labels.copy()
    labels[shown[-1] + 1 :] = IGNORE
    return replace(scan, labels=labels)


def segmenter_figures(network: nn.Module, scans: list[Scan]) -> dict[str, float]:
    """Dice per organ and their mean: pooled over all slices of a patient, then averaged over patients.

    These are figures of the network alone, at the network's pixels; `training.evaluate` measures the stages.
    """
    # (patient, organ id) -> [twice the overlap, sum of both sizes]
    sums: dict[tuple[str, int], list[int]] = {}
    for scan in scans:
        for index, reference in enumerate(scan.labels):
            predicted = slice_logits(network, scan, index).argmax(0).numpy()
            for organ in ORGANS:
                pooled = sums.setdefault((scan.case.patient, organ.id), [0, 0])
                pooled[0] += 2 * int(((predicted == organ.id) & (reference == organ.id)).sum())
                pooled[1] += int((predicted == organ.id).sum() + (reference == organ.id).sum())
    result = {}
    for organ in ORGANS:
        dice = [overlap / total for (_, label), (overlap, total) in sums.items() if label == organ.id and total]
        result[organ.name.removesuffix("_bowel")] = float(np.mean(dice)) if dice else float("nan")
    result["mean"] = float(np.mean(list(result.values())))
    return result
