"""Compares two models on the same patients, in pairs: what changes, with an interval that says whether it is luck."""

from __future__ import annotations

from dataclasses import dataclass

from shared.imaging.volume import ORGANS
from training.evaluate import MEAN, CaseResult, Interval, by_patient, summary
from training.metrics import bootstrap, bootstrap_columns


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Results of the same cases in the same order by two models.

    Raises ValueError if the cases differ.
    """

    before: list[CaseResult]
    after: list[CaseResult]

    def __post_init__(self) -> None:
        if [result.case.name for result in self.before] != [result.case.name for result in self.after]:
            raise ValueError("Only results of the same cases can be compared in pairs.")

    @property
    def patients(self) -> int:
        """How many patients were measured."""
        return len({result.case.patient for result in self.before})


def differences(pairs: Pairs, metric: str = "dice") -> dict[str, Interval]:
    """Organ (or `MEAN`) -> (mean of after - before, low, high), with a 95 % bootstrap over patients.

    Each patient's difference is drawn as one: what makes a patient hard for both models does not widen the interval.
    """
    table = by_patient(pairs.after, metric) - by_patient(pairs.before, metric)
    rows = {organ.name: bootstrap(table[:, column]) for column, organ in enumerate(ORGANS)}
    return rows | {MEAN: bootstrap_columns(table)}


def comparison_table(pairs: Pairs) -> str:
    """Dice before and after and the paired difference of each organ and their mean, as Markdown."""
    change, old, new = differences(pairs), summary(pairs.before), summary(pairs.after)
    lines = ["| organ | before | after | paired difference |", "|---|---|---|---|"]
    for name, interval in change.items():
        lines.append(f"| {name} | {old[name]['dice'][0]:.3f} | {new[name]['dice'][0]:.3f} | {signed(interval)} |")
    return "\n".join(lines)


def signed(interval: Interval) -> str:
    """A difference with its interval, such as "+0.041 (+0.020 to +0.062)"."""
    value, low, high = interval
    return f"{value:+.3f} ({low:+.3f} to {high:+.3f})"
