"""Compares the model stages on a GPU with the processor: results and speed. Needs `onnxruntime-gpu` and a GPU.

    python -m bench.gpu SCAN [--provider cuda] [--half FOLDER]

Both sides process the same scan and segment the same slices. The GPU's first pass, which allocates memory and chooses
kernels, is reported separately. `--half` is the segmenter's fp16 variant (`./viscera train half`). Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from services.classifier.core import classify
from services.segmenter.core import segment
from shared import sandbox
from shared.imaging.volume import SliceScores, Volume
from shared.models.network import Network, load_network
from shared.models.registry import SERVICES


def timed(volume: Volume, classifier: Network, segmenter: Network, scores: SliceScores | None = None) -> dict[str, Any]:
    """Run both stages on one scan: scores, labels and seconds of each."""
    started = time.perf_counter()
    own = classify(volume, classifier)
    between = time.perf_counter()
    labels = segment(volume, scores or own, segmenter).data
    ended = time.perf_counter()
    return {"scores": own, "labels": labels, "classify_s": between - started, "segment_s": ended - between}


def compare(volume: Volume, provider: str, fp16_folder: Path | None = None) -> dict[str, Any]:
    """The figures of one scan for each side."""
    cpu = timed(volume, *_pair("cpu"))
    classifier, segmenter = _pair(provider)
    first = timed(volume, classifier, segmenter, cpu["scores"])
    again = timed(volume, classifier, segmenter, cpu["scores"])
    sides = {"cpu": cpu, f"{provider}, first pass": first, provider: again}
    if fp16_folder is not None:
        fp16 = load_network(fp16_folder, provider)
        timed(volume, classifier, fp16, cpu["scores"])
        sides[f"{provider}, fp16"] = timed(volume, classifier, fp16, cpu["scores"])
    return {"device": segmenter.device} | {name: _figures(side, cpu) for name, side in sides.items()}


def _pair(provider: str) -> tuple[Network, Network]:
    return load_network(SERVICES / "classifier", provider), load_network(SERVICES / "segmenter", provider)


def _figures(side: dict[str, Any], cpu: dict[str, Any]) -> dict[str, float]:
    slices, kept = len(cpu["scores"].keep), int(cpu["scores"].keep.sum())
    outlined = (cpu["labels"] > 0) | (side["labels"] > 0)
    changed = int((cpu["labels"] != side["labels"]).sum())
    return {
        "classified slices/s": round(slices / side["classify_s"], 1),
        "segmented slices/s": round(kept / side["segment_s"], 1),
        "scan s": round(side["classify_s"] + side["segment_s"], 2),
        "largest score difference": float(np.abs(side["scores"].scores - cpu["scores"].scores).max()),
        "other label, of outlined voxels": round(changed / max(int(outlined.sum()), 1), 6),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scan", type=Path)
    parser.add_argument("--provider", default="cuda", choices=("cpu", "cuda", "tensorrt"))
    parser.add_argument("--half", type=Path)
    options = parser.parse_args()
    print(json.dumps(compare(sandbox.decode(options.scan, None), options.provider, options.half), indent=1))


if __name__ == "__main__":
    main()
