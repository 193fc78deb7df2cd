"""The configuration of one training run, with the defaults of both stages."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from shared.imaging.input_spec import InputSpec
from training.dataset.augment import AugmentConfig
from training.dataset.cases import VALIDATION_PATIENTS
from training.loop import Schedule

Stage = Literal["classifier", "segmenter"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One training run of a stage's network.

    `shares` maps a kind of scan (`kind_of`) to its fraction of the examples; slices without an organ are drawn
    `empty_weight` times as often as those with one. `start` is a checkpoint to start from, `teacher` the kind and the
    checkpoint of a network to distil from. `beyond` maps an unlabelled scan to its first slice that is further from
    the middle than any outline (docs/decisions/0022): from there on the classifier learns that no organ is shown.
    """

    stage: Stage
    network: str
    shares: dict[str, float]
    empty_weight: float
    size: tuple[int, int]
    batch: int
    schedule: Schedule
    options: dict[str, Any] = field(default_factory=dict)
    start: Path | None = None
    teacher: tuple[str, Path] | None = None
    held_out: tuple[str, ...] = VALIDATION_PATIENTS
    beyond: dict[str, int] = field(default_factory=dict)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    spec: InputSpec = field(default_factory=InputSpec)
    seed: int = 0


def classifier_config(**changes: Any) -> Config:
    """The classifier's defaults: slices without an organ are drawn about as often as those with one."""
    defaults: dict[str, Any] = {
        "stage": "classifier",
        "network": "classifier",
        "shares": {"slices": 0.28, "volume": 0.32, "unlabelled": 0.15, "pseudo": 0.1, "phantom": 0.15},
        "beyond": {"unk266": 91},
        "empty_weight": 1.2,
        "size": (192, 256),
        "batch": 16,
        "schedule": Schedule(minutes=10.0, lr=3e-3),
    }
    return Config(**defaults | changes)


def segmenter_config(**changes: Any) -> Config:
    """The segmenter's defaults."""
    defaults: dict[str, Any] = {
        "stage": "segmenter",
        "network": "unet",
        "options": {"drop": 0.25},
        "shares": {
            "slices": 0.3,
            "volume": 0.14,
            "unlabelled": 0.02,
            "transplant": 0.36,
            "rendered": 0.08,
            "phantom": 0.03,
            "pseudo": 0.07,
        },
        "empty_weight": 0.2,
        "size": (160, 224),
        "batch": 4,
        "schedule": Schedule(weight_decay=0.05),
    }
    return Config(**defaults | changes)
