"""How sure a model is of its outlines, slice by slice: the Dice coefficient that it expects."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

LOW = 0.5
"""A slice with less confidence is worth a look."""
Values = tuple[float | None, ...]


class Confidence(BaseModel):
    """Expected Dice coefficients (0 to 1) of slices along `axis` of a label map's array (slice, row, column).

    `slices` are of all organs together, `organs` of each by its name; None on slices where nothing was outlined.
    """

    model_config = ConfigDict(frozen=True)

    axis: int
    slices: Values
    organs: dict[str, Values]

    @property
    def low(self) -> tuple[int, ...]:
        """The numbers of the slices with low confidence, counted from 0, the lowest confidence first."""
        known = [(value, number) for number, value in enumerate(self.slices) if value is not None and value < LOW]
        return tuple(number for _, number in sorted(known))

    def low_of(self, organ: str) -> tuple[int, ...]:
        """The numbers of the slices on which this organ has low confidence, in their order."""
        values = self.organs.get(organ, ())
        return tuple(number for number, value in enumerate(values) if value is not None and value < LOW)

    def mean_of(self, organ: str) -> float | None:
        """The mean confidence over the slices that show the organ; None if none does."""
        known = [value for value in self.organs.get(organ, ()) if value is not None]
        return sum(known) / len(known) if known else None
