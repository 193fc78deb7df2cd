"""The model card: a JSON file that documents a network's inputs, training data, metrics and intended use."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator

from shared.errors import ModelError, UnsupportedScan
from shared.imaging.input_spec import InputSpec
from shared.imaging.label_table import label_set, named
from shared.imaging.structures import find
from shared.imaging.volume import ORGANS, Organ
from shared.imaging.volume_input import VolumeInput

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


class Domain(_Part):
    """Scans like those of the training data, each (smallest, largest) in mm; None: not known.

    `pixel_mm` is the side of a pixel, `slice_mm` the distance of slices, `field_of_view_mm` the longer side of a slice.
    """

    pixel_mm: tuple[float, float] | None = None
    slice_mm: tuple[float, float] | None = None
    field_of_view_mm: tuple[float, float] | None = None


class Source(_Part):
    """One source of training data, with its licence."""

    name: str
    licence: str
    used_for: str


class Label(_Part):
    """One label of a network that reads volumes: its id in the label map and what is known about the structure.

    `title` is the display name; empty: derived from the name. `snomed`, `category`, `modifier` (left, right) and
    `region` are SNOMED CT codes. `colour` is sRGB, 0 to 255. What is missing comes from `shared.imaging.structures`,
    by the name; codes do so only where `snomed` is missing or the same there.
    """

    id: int = Field(ge=1, le=255)
    name: str = Field(min_length=1)
    title: str = ""
    snomed: str | None = Field(default=None, pattern=r"^\d{6,18}$")
    category: str | None = Field(default=None, pattern=r"^\d{6,18}$")
    modifier: str | None = Field(default=None, pattern=r"^\d{6,18}$")
    region: str | None = Field(default=None, pattern=r"^\d{6,18}$")
    colour: tuple[int, int, int] | None = None

    def organ(self) -> Organ:
        """Return the label as the mesher and the report know it."""
        organ = named(self.id, self.name, self.colour)
        if self.snomed not in {None, organ.snomed}:
            organ = replace(organ, category=None, modifier=None, region=None, meaning="")
        return replace(
            organ,
            title=self.title or organ.title,
            snomed=self.snomed or organ.snomed,
            category=self.category or organ.category,
            modifier=self.modifier or organ.modifier,
            region=self.region or organ.region,
        )

    def completed(self) -> Label:
        """Return the label with all that the table of structures adds; one that is not in it as it is."""
        if find(self.name) is None:
            return self
        organ = self.organ()
        facts = {key: getattr(organ, key) for key in ("title", "snomed", "category", "modifier", "region", "colour")}
        return self.model_copy(update=facts)


Calibration = dict[str, tuple[tuple[float, float], ...]]
"""Organ, or "slice" for all organs together -> (expected Dice, Dice on unseen patients), linear between these."""


class WeightsFile(_Part):
    """A further file of weights and its SHA-256."""

    weights: str = Field(pattern=r"^[\w.-]+\.onnx$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


def _rises(points: tuple[tuple[float, float], ...]) -> bool:
    """Return whether points (x, y) in 0 to 1 have rising x and nowhere falling y."""
    inside = all(0.0 <= value <= 1.0 for point in points for value in point)
    pairs = itertools.pairwise(points)
    return len(points) > 1 and inside and all(a[0] < b[0] and a[1] <= b[1] for a, b in pairs)


def _kind(spec: Any) -> str:
    """Return the kind of an input; cards from before there were kinds have none."""
    return str(spec.get("kind", "slices") if isinstance(spec, dict) else spec.kind)


def _form(label: Any) -> str:
    return "name" if isinstance(label, str) else "label"


AnyInput = Annotated[Annotated[InputSpec, Tag("slices")] | Annotated[VolumeInput, Tag("volume")], Discriminator(_kind)]
AnyLabel = Annotated[Annotated[str, Tag("name")] | Annotated[Label, Tag("label")], Discriminator(_form)]


class ModelCard(_Part):
    """Everything that serving and a reader need to know about one model.

    `threshold` is the lowest probability of a kept slice (classifier: the best organ) or of an organ's pixel
    (segmenter: all organs together); `decision_threshold` is the value to use where it is None.

    A model that reads volumes returns logits: of the background and of each label, or, with `regions`, one per region.
    `regions` are the ids that the outputs write where they are above 0, in this order: a later one overwrites.
    `other_folds` are networks of the same form whose logits are averaged with those of `weights`.
    Without a `calibration` a segmenter's results have no confidence.
    """

    name: str
    version: str
    stage: Literal["classifier", "segmenter"]
    weights: str = Field(default="model.onnx", pattern=r"^[\w.-]+\.onnx$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    other_folds: tuple[WeightsFile, ...] = ()
    input: AnyInput = InputSpec()
    labels: tuple[AnyLabel, ...] = Field(min_length=1, max_length=255)
    regions: tuple[int, ...] = ()
    threshold: float | None = Field(default=None, ge=0.0, le=1.0)
    coverage: Coverage | None = None
    domain: Domain | None = None
    calibration: Calibration = {}
    modalities: tuple[Literal["MR", "CT"], ...] = ("MR",)
    architecture: str = ""
    data: tuple[Source, ...] = ()
    licence: str
    attribution: str = ""
    metrics: dict[str, float | str] = {}
    limits: tuple[str, ...] = ()
    intended_use: str = "Research. Not a medical device; not for diagnosis."

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.calibration and ("slice" not in self.calibration or not all(map(_rises, self.calibration.values()))):
            raise ValueError('a calibration needs points from 0 to 1 that rise, and some for "slice"')
        if isinstance(self.input, InputSpec):
            if self.regions or self.other_folds or not all(isinstance(label, str) for label in self.labels):
                raise ValueError("a model that reads slices has names as labels, no regions and one file of weights")
            return self
        if self.stage != "segmenter":
            raise ValueError("only a segmenter can read volumes")
        ids = [label.id for label in self.labels if isinstance(label, Label)]
        if len(ids) < len(self.labels) or len(set(ids)) < len(ids):
            raise ValueError("the labels of a model that reads volumes need an id each, all different")
        if self.regions and sorted(self.regions) != sorted(ids):
            raise ValueError("regions must name each label's id once")
        if not self.regions and sorted(ids) != list(range(1, len(ids) + 1)):
            raise ValueError("the ids of labels must be 1, 2, 3 and so on, as the network's outputs are")
        return self

    @property
    def key(self) -> str:
        """Return the SHA-256 of what this card says, the checksums of its weights included.

        Two models with the same weights and other labels have different keys. Values that are the defaults do not
        count, so a card has the same key in a later version that knows more fields. Nor does `domain`, which changes no
        result.
        """
        return hashlib.sha256(self.model_dump_json(exclude_defaults=True, exclude={"domain"}).encode()).hexdigest()

    @property
    def slices(self) -> InputSpec:
        """Return the input of a network that reads slices.

        Raises ModelError for a model that reads volumes.
        """
        if isinstance(self.input, InputSpec):
            return self.input
        raise ModelError(f"{self.name} {self.version} reads volumes; here a model that reads slices is needed.")

    @property
    def channel_names(self) -> tuple[str, ...]:
        """Return the names of the images that the model reads; none for a model that reads slices."""
        return tuple(channel.name for channel in self.input.channels) if isinstance(self.input, VolumeInput) else ()

    @property
    def channels(self) -> int:
        """Return how many images of a patient the model reads: one, if it reads slices."""
        return max(1, len(self.channel_names))

    @property
    def organs(self) -> tuple[Organ, ...]:
        """Return the structures of a label map of this model, in the order of their ids."""
        labels = [label for label in self.labels if isinstance(label, Label)]
        return label_set({label.id: label.organ() for label in labels}) if labels else ORGANS

    @property
    def files(self) -> tuple[WeightsFile, ...]:
        """Return all files of weights, the first fold first."""
        return (WeightsFile(weights=self.weights, sha256=self.sha256), *self.other_folds)

    @property
    def identity(self) -> str:
        """Return the SHA-256 of the model: that of its weights, or of the list of its folds' SHA-256s."""
        if not self.other_folds:
            return self.sha256
        return hashlib.sha256("".join(file.sha256 for file in self.files).encode()).hexdigest()

    @property
    def decision_threshold(self) -> float:
        """The card's threshold, or 0.5 where the card has none; a threshold of 0 is a threshold."""
        return DEFAULT_THRESHOLD if self.threshold is None else self.threshold

    @property
    def outputs(self) -> int:
        """Return the number of values per slice (classifier) or per pixel (segmenter, background first)."""
        return len(self.labels) + (self.stage == "segmenter" and not self.regions)


def check_channels(images: int, card: ModelCard) -> None:
    """Check that a scan has as many images as a model reads.

    Raises UnsupportedScan.
    """
    if images != card.channels:
        reads = f"{card.channels} images ({', '.join(card.channel_names)})" if card.channels > 1 else "one image"
        has = f"{images} images" if images > 1 else "one image"
        raise UnsupportedScan(f"The model {card.name} reads {reads}, and the scan has {has}.", "wrong_channels")


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
