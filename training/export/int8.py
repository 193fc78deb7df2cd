"""The static int8 variant of an exported model, calibrated on prepared cases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from shared.arrays import UInt8
from shared.models.card import CARD, ModelCard, digest, load_card, save_card
from training.dataset.cases import Scan, as_scan, load_cases


class CalibrationReader:
    """Stacks of labelled slices, one by one, as a calibration data reader of ONNX Runtime."""

    def __init__(self, scans: list[Scan], channels: int, count: int = 24, size: tuple[int, int] = (192, 256)) -> None:
        every = [(scan, index) for scan in scans for index in range(len(scan.image)) if scan.labels[index].any()]
        rng = np.random.default_rng(0)
        chosen = [every[i] for i in rng.permutation(len(every))[:count]]
        self.stacks = iter([_stack(scan, index, size)[:, :channels] for scan, index in chosen])

    def get_next(self) -> dict[str, Any] | None:
        """The next input, or None at the end."""
        stack = next(self.stacks, None)
        return None if stack is None else {"stacks": stack}


def _stack(scan: Scan, index: int, size: tuple[int, int]) -> UInt8:
    stack = np.stack([scan.image[i] for i in scan.neighbours(index)])
    top, left = (max(0, (n - s) // 2) for n, s in zip(stack.shape[1:], size, strict=True))
    stack = stack[:, top : top + size[0], left : left + size[1]]
    return np.pad(stack, ((0, 0), (0, size[0] - stack.shape[1]), (0, size[1] - stack.shape[2])))[None]


def quantise(folder: Path, cases: Path, out: Path) -> ModelCard:
    """Write `out` as the int8 variant of the model in `folder`.

    Ranges end at the 99.9th percentile of the activations: up to the maximum they leave the others too few steps.
    """
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    card = load_card(folder / CARD)
    out.mkdir(parents=True, exist_ok=True)
    prepared, weights = out / "ready.onnx", out / card.weights
    quant_pre_process(folder / card.weights, prepared, skip_symbolic_shape=True)
    scans = [as_scan(case, card.slices) for case in load_cases(cases) if case.outlined and case.modality == "MR"]
    quantize_static(
        prepared,
        weights,
        CalibrationReader(scans, card.slices.channels),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=["Conv"],
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.Percentile,
        extra_options={"CalibPercentile": 99.9},
    )
    prepared.unlink()
    final = card.model_copy(update={"version": f"{card.version}-int8", "sha256": digest(weights)})
    save_card(final, out / CARD)
    return final
