"""How a network that reads slices wants its input: the part of a model card that preprocessing reads."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Normalisation(BaseModel):
    """How grey levels become 0 to 255; `shared.imaging.preprocess.normalise` applies it in training and in serving.

    `low` and `high` are percentiles: `low` of the whole slice, `high` of the pixels brighter than air. `air` is a
    fraction of the way from `low` to the slice's 99th percentile. `ct_window` is (lowest, highest) in Hounsfield units.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    low: float = Field(default=1.0, ge=0.0, lt=50.0)
    high: float = Field(default=99.0, gt=50.0, le=100.0)
    air: float = Field(default=0.1, ge=0.0, lt=1.0)
    ct_window: tuple[float, float] = (-160.0, 240.0)


class InputSpec(BaseModel):
    """Input of a network: uint8 (slices, channels, rows, columns) on square pixels of `spacing_mm`.

    The channels are the slice and its neighbours, about `slice_mm` apart. Rows and columns are multiples of `multiple`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["slices"] = "slices"
    channels: int = Field(default=3, ge=1)
    spacing_mm: float = Field(default=1.5, gt=0.0)
    slice_mm: float = Field(default=3.0, gt=0.0)
    multiple: int = Field(default=32, ge=1)
    normalisation: Normalisation = Normalisation()
