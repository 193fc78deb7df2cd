"""Decides whether an updated model replaces the one before, and writes what its card says about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.models.card import ModelCard, Source
from training.calibration import calibration
from training.dataset.cases import Case, organ_mask
from training.evaluate import MEAN, Interval, summary
from training.paired import Pairs, differences, signed


@dataclass(frozen=True, slots=True)
class Way:
    """How a model was measured: groups of patients held out in turn, 0 where the weights are those that were measured.

    `kept`: the model of one group as it was measured, which has not learned from that group.
    """

    folds: int = 0
    kept: bool = False


MIN_PATIENTS = 6
"""Fewer prove nothing: by luck all of five are better in one of 32 trials, all of six in one of 64 (sign test)."""


def refusal(pairs: Pairs) -> str | None:
    """Why the model is not promoted, as one sentence, or None if it is.

    It must be better on the patients held out: the lower limit of the paired difference of the mean Dice is above 0.
    """
    if pairs.patients < MIN_PATIENTS:
        return (
            f"Only {pairs.patients} patients were held out, and {MIN_PATIENTS} are needed to tell luck from progress."
        )
    change = differences(pairs)[MEAN]
    if change[1] > 0.0:
        return None
    return (
        f"On {pairs.patients} patients held out the mean Dice changes by {signed(change)}, "
        "and the lower limit must be above 0."
    )


def updated_card(
    card: ModelCard, new: Sequence[Case], pairs: Pairs, *, version: str, way: Way, licence: str
) -> ModelCard:
    """The card, without the checksum, of a model that learned from the cases `new`; `card` is the one before."""
    patients = len({case.patient for case in new})
    slices = sum(int(organ_mask(case.labels).any(axis=(1, 2)).sum()) for case in new)
    source = Source(
        name=f"{slices} outlined slices of {patients} patients, corrected or outlined by people",
        licence=licence,
        used_for=f"update of {card.name} {card.version}",
    )
    return card.model_copy(
        update={
            "version": version,
            "sha256": "0" * 64,
            "data": (*card.data, source),
            "calibration": calibration(pairs.after),
            "metrics": _metrics(pairs) | {"dice_update_note": _note(card, pairs, way)},
        }
    )


def _metrics(pairs: Pairs) -> dict[str, float | str]:
    old, new, change = summary(pairs.before), summary(pairs.after), differences(pairs)
    figures: dict[str, float | str] = {}
    for name in change:
        figures[f"dice_before_{name}"] = _rounded(old[name]["dice"])
        figures[f"dice_unseen_{name}"] = _rounded(new[name]["dice"])
    for limit, value in zip(("", "_low", "_high"), change[MEAN], strict=True):
        figures[f"dice_difference{limit}"] = round(value, 3)
    return figures


def _rounded(interval: Interval) -> float:
    return round(interval[0], 3)


def _note(card: ModelCard, pairs: Pairs, way: Way) -> str:
    return (
        f"{_held_out(pairs.patients, way)}; before is {card.name} {card.version}; through both stages as served, "
        "averaged over patients; the difference is paired, with a 95 % bootstrap over patients"
    )


def _held_out(patients: int, way: Way) -> str:
    each = f"each of {patients} patients was held out once, in {way.folds} groups"
    if way.kept:
        return f"{each}; this folder is the model of one group, as it was measured on that group"
    if way.folds:
        return f"{each}; the weights of this folder learned from all of them by the same recipe"
    return f"{patients} patients were held out"
