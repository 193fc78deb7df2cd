"""The model card: one JSON file beside the weights that says what a network is, eats, knows and may be used for."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.errors import ModelError
from shared.imaging.input_spec import InputSpec

CARD = "card.json"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Coverage(_Part):
    """Where in a scan the training outlines lie: a scan of `scan_mm` (least, most) head to feet, seen from its middle.

    In scans of that length no organ was outlined further than `caudal_mm` below the middle.
    """

    scan_mm: tuple[float, float]
    caudal_mm: float


class Source(_Part):
    """One body of training data, with its rights."""

    name: str
    licence: str
    used_for: str


class ModelCard(_Part):
    """Everything that serving and a reader need to know about one network.

    `threshold` is the probability from which on a slice is kept (classifier: the best of its organs) or a pixel belongs
    to an organ (segmenter: all organs together); 0.5 where the card says nothing.
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
    def outputs(self) -> int:
        """How many numbers the network gives per slice (classifier) or per pixel (segmenter, background first)."""
        return len(self.labels) + (self.stage == "segmenter")


def load_card(path: Path) -> ModelCard:
    """Read a card; ModelError says in one sentence what is wrong with it."""
    try:
        return ModelCard.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ModelError(f"The model has no readable card ({path.name}).") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ModelError(f"The model's card is not valid: {where}: {first['msg']}.") from error


def save_card(card: ModelCard, path: Path) -> None:
    """Write a card as readable JSON."""
    path.write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")


def digest(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal digits; a missing file is a ModelError."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"The model's weights ({path.name}) are missing.") from error
