"""The model stages on a GPU beside the processor: same answers, and how fast. Needs `onnxruntime-gpu` and a GPU.

    python -m bench.gpu SCAN [--provider cuda] [--half FOLDER]

Both sides get the same scan and the same kept slices. The GPU's first pass, which allocates and chooses kernels, is
told by itself. `--half` is the segmenter's fp16 variant (`./viscera train half`). Prints JSON.
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


def timed(volume: Volume, gate: Network, segmenter: Network, scores: SliceScores | None = None) -> dict[str, Any]:
    """Both stages on one scan: scores, labels and seconds of each."""
    started = time.perf_counter()
    own = classify(volume, gate)
    between = time.perf_counter()
    labels = segment(volume, scores or own, segmenter).data
    ended = time.perf_counter()
    return {"scores": own, "labels": labels, "classify_s": between - started, "segment_s": ended - between}


def compare(volume: Volume, provider: str, half: Path | None = None) -> dict[str, Any]:
    """The figures of one scan."""
    cpu = timed(volume, *_pair("cpu"))
    gate, segmenter = _pair(provider)
    first = timed(volume, gate, segmenter, cpu["scores"])
    again = timed(volume, gate, segmenter, cpu["scores"])
    sides = {"cpu": cpu, f"{provider}, first pass": first, provider: again}
    if half is not None:
        reduced = load_network(half, provider)
        timed(volume, gate, reduced, cpu["scores"])
        sides[f"{provider}, fp16"] = timed(volume, gate, reduced, cpu["scores"])
    return {"device": segmenter.device} | {name: _told(side, cpu) for name, side in sides.items()}


def _pair(provider: str) -> tuple[Network, Network]:
    return load_network(SERVICES / "classifier", provider), load_network(SERVICES / "segmenter", provider)


def _told(side: dict[str, Any], cpu: dict[str, Any]) -> dict[str, float]:
    slices, kept = len(cpu["scores"].keep), int(cpu["scores"].keep.sum())
    outlined = (cpu["labels"] > 0) | (side["labels"] > 0)
    other = int((cpu["labels"] != side["labels"]).sum())
    return {
        "classified slices/s": round(slices / side["classify_s"], 1),
        "segmented slices/s": round(kept / side["segment_s"], 1),
        "scan s": round(side["classify_s"] + side["segment_s"], 2),
        "largest score difference": float(np.abs(side["scores"].scores - cpu["scores"].scores).max()),
        "other label, of outlined voxels": round(other / max(int(outlined.sum()), 1), 6),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scan", type=Path)
    parser.add_argument("--provider", default="cuda", choices=("cpu", "cuda", "tensorrt"))
    parser.add_argument("--half", type=Path)
    given = parser.parse_args()
    print(json.dumps(compare(sandbox.decode(given.scan, None), given.provider, given.half), indent=1))


if __name__ == "__main__":
    main()
