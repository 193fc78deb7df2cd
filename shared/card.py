"""The model card: one JSON file beside the weights that says what a network is, eats, knows and may be used for."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.errors import ModelError

CARD = "card.json"
DEFAULT_THRESHOLD = 0.5


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Normalisation(_Part):
    """How grey levels become 0 to 255; read by `shared.preprocess.normalise` in training and in serving.

    `low` and `high` are percentiles: `low` of the whole slice, `high` of what is brighter than `air` (a fraction of
    the way from `low` to the slice's 99th percentile). `ct_window` is in Hounsfield units.
    """

    low: float = Field(default=1.0, ge=0.0, lt=50.0)
    high: float = Field(default=99.0, gt=50.0, le=100.0)
    air: float = Field(default=0.1, ge=0.0, lt=1.0)
    ct_window: tuple[float, float] = (-160.0, 240.0)


class Input(_Part):
    """What goes in: uint8 (slices, channels, rows, columns) on square pixels of `spacing_mm`.

    The channels are the slice and its neighbours about `slice_mm` apart; rows and columns are multiples of `multiple`.
    """

    channels: int = Field(default=3, ge=1)
    spacing_mm: float = Field(default=1.5, gt=0.0)
    slice_mm: float = Field(default=3.0, gt=0.0)
    multiple: int = Field(default=32, ge=1)
    normalisation: Normalisation = Normalisation()


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
    to an organ (segmenter: all organs together); `decision_threshold` is the value to use where it is None.
    """

    name: str
    version: str
    stage: Literal["classifier", "segmenter"]
    weights: str = Field(default="model.onnx", pattern=r"^[\w.-]+\.onnx$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    input: Input = Input()
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
