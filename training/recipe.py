"""How an update learns: the examples that it draws, its rates and its length."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Recipe:
    """How long each network of a model learns, at which rates, and from what.

    At most the fraction `new` of the examples is of new patients: `n` new slices with an organ get n / (n + `half`)
    of it, because a few pictures seen again and again teach nothing else. `swaps` organ-swapped copies of each single
    slice get the fraction `swapped`, slices with unknown gut `partial`; the rest are known cases, with the shares of
    `known` or those of a training from nothing. The weights that are kept lie between those before and those learned,
    `blend` of the way: what few patients teach costs least there of what was known (Wortsman et al. 2022, Robust
    fine-tuning of zero-shot models). `networks` are the networks of a pair that learn; the other one stays as it is.
    """

    steps: int = 250
    minutes: float = 4.5
    new: float = 0.7
    half: int = 10
    swaps: int = 0
    swapped: float = 0.0
    partial: float = 0.0
    known: Mapping[str, float] | None = None
    blend: float = 0.5
    rates: Mapping[str, float] = field(default_factory=lambda: {"unet": 4e-4, "liteunet": 3e-4})
    drop: float | None = None
    networks: tuple[str, ...] = ("unet", "liteunet")
    seed: int = 0
    size: tuple[int, int] = (160, 224)
    batch: int = 8


FEW = Recipe()
"""A few corrected scans, close to the weights at hand: a fifth to a half of the rates of a training from nothing."""
MANY = Recipe(
    steps=4000,
    minutes=45.0,
    new=0.5,
    half=0,
    swaps=4,
    swapped=0.2,
    partial=0.12,
    known={"slices": 0.12, "volume": 0.08, "rendered": 0.06, "phantom": 0.02},
    blend=1.0,
    rates={"unet": 1e-3, "liteunet": 1e-3},
    drop=0.25,
)
"""Many more patients than the weights at hand have seen, at the rates of a training from nothing."""
RECIPES = {"few": FEW, "many": MANY}
