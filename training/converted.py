"""What every conversion of a model ends with: a valid card, and weights that give what the original gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from shared.arrays import Float32
from shared.errors import ModelError
from shared.imaging.volume_input import VolumeInput
from shared.models.card import CARD, Label, ModelCard
from shared.models.network import load_network

NO_LICENCE = "not stated"
TOLERANCE = 1e-3
"""Largest difference between the original and ONNX Runtime, as a share of the largest logit."""


def card_of(**facts: object) -> ModelCard:
    """Return the card of a segmenter with these facts.

    Raises ModelError, with the reason, where they make no valid card.
    """
    try:
        return ModelCard.model_validate({"stage": "segmenter", **facts})
    except ValidationError as error:
        raise ModelError(f"The model can't be served: {error.errors()[0]['msg']}.") from error


def compare(original: Callable[[Float32], Float32], card: ModelCard, out: Path) -> None:
    """Check that the model folder `out` returns what the original returns for a window of noise.

    Raises ModelError if not, and deletes the card: without one it is no model.
    """
    if not isinstance(card.input, VolumeInput):
        raise TypeError("a converted model reads volumes")
    shape = (1, len(card.input.channels), *card.input.patch)
    window = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    try:
        served = load_network(out)(window)
        expected = original(window)
        if served.shape != expected.shape:
            raise ModelError(f"The exported model returns {served.shape} where {expected.shape} is expected.")
        difference = float(np.abs(served - expected).max() / max(float(np.abs(expected).max()), 1.0))
        if not difference <= TOLERANCE:
            raise ModelError(f"The exported model differs from the original by {difference:.2g} of the largest logit.")
    except ModelError:
        (out / CARD).unlink()
        raise


def without_code(card: ModelCard) -> list[str]:
    """Return the labels, as id and name, that have no SNOMED CT code."""
    labels = {label.id: label for label in card.labels if isinstance(label, Label)}
    return [f"{organ.id} {labels[organ.id].name}" for organ in card.organs if organ.snomed is None]
