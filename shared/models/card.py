"""The model card: a JSON file that documents a network's inputs, training data, metrics and intended use."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.errors import ModelError
from shared.imaging.input_spec import InputSpec

CARD = "card.json"
DEFAULT_THRESHOLD = 0.5


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Coverage(_Part):
    """The part of a scan in which the training data has outlines.

    It applies to scans of `scan_mm` (shortest, longest) from head to feet: no organ was outlined further than
    `caudal_mm` below the middle of the scan.
    """

    scan_mm: tuple[float, float]
    caudal_mm: float


class Source(_Part):
    """One source of training data, with its licence."""

    name: str
    licence: str
    used_for: str


class ModelCard(_Part):
    """Everything that serving and a reader need to know about one network.

    `threshold` is the lowest probability of a kept slice (classifier: the best organ) or of an organ's pixel
    (segmenter: all organs together); `decision_threshold` is the value to use where it is None.
    """

    name: str
    version: str
    stage: Literal["classifier", "segmenter"]
    weights: str = Field(default="model.onnx", pattern=r"^[\w.-]+\.onnx$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    input: InputSpec = InputSpec()
    labels: tuple[str, ...] = Field(min_length=1)
    threshold: float | None = Field(default=None, ge=0.0, le=1.0)
    coverage: Coverage | None = None
    modalities: tuple[Literal["MR", "CT"], ...] = ("MR",)
    architecture: str = ""
    data: tuple[Source, ...] = ()
    licence: str
    attribution: str = ""
    metrics: dict[str, float | str] = {}
    limits: tuple[str, ...] = ()
    intended_use: str = "Research. Not a medical device; not for diagnosis."

    @property
    def decision_threshold(self) -> float:
        """The card's threshold, or 0.5 where the card has none; a threshold of 0 is a threshold."""
        return DEFAULT_THRESHOLD if self.threshold is None else self.threshold

    @property
    def outputs(self) -> int:
        """Return the number of values per slice (classifier) or per pixel (segmenter, background first)."""
        return len(self.labels) + (self.stage == "segmenter")


def load_card(path: Path) -> ModelCard:
    """Read a card.

    Raises ModelError with one sentence about what is wrong.
    """
    try:
        return ModelCard.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ModelError(f"The model has no readable card ({path.name}).") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ModelError(f"The model's card is not valid: {where}: {first['msg']}.") from error


def save_card(card: ModelCard, path: Path) -> None:
    """Write a card as indented JSON."""
    path.write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")


def digest(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal.

    Raises ModelError for a missing file.
    """
    return hashlib.sha256(read_weights(path)).hexdigest()


def read_weights(path: Path) -> bytes:
    """Return the bytes of a weights file.

    Raises ModelError for a missing file.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"The model's weights ({path.name}) are missing.") from error
