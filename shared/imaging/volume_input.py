"""How a network that reads volumes wants its input: the part of a model card that its preprocessing reads.

The steps and their order are those of nnU-Net v2 (Isensee et al., Nature Methods 18, 2021), or those of MONAI's
transforms and sliding windows (https://docs.monai.io).
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ChannelNormalisation(_Part):
    """How the values of one channel become the network's input.

    `clip_z_score` clips to `low` and `high`, subtracts `mean` and divides by `std`: values of the training data, in
    Hounsfield units for CT. `linear` is the same without clipping. `z_score` uses mean and standard deviation of the
    scan itself; with `within_mask` those of the part that is not zero, and the rest stays zero. `rescale` maps the
    scan's range to 0 to 1.
    """

    scheme: Literal["clip_z_score", "linear", "z_score", "rescale", "none"]
    within_mask: bool = False
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    std: float | None = Field(default=None, ge=0.0)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.scheme == "clip_z_score" and None in (self.low, self.high, self.mean, self.std):
            raise ValueError("clip_z_score needs low, high, mean and std")
        if self.scheme == "linear" and None in (self.mean, self.std):
            raise ValueError("linear needs mean and std")
        if self.within_mask and self.scheme != "z_score":
            raise ValueError("only z_score can be restricted to the part that is not zero")
        return self


class Channel(_Part):
    """One image of a scan: its name in the training data and its normalisation."""

    name: str
    normalisation: ChannelNormalisation


class Resampling(_Part):
    """Orders of the splines: `order` in general, `order_z` along the coarsest axis where that is resampled separately.

    `separate_z` None: separately where the largest of the scan's or the network's voxel sizes is more than three times
    the smallest.
    """

    order: int = Field(ge=0, le=3)
    order_z: int = Field(default=0, ge=0, le=3)
    separate_z: bool | None = None


class VolumeInput(_Part):
    """Input of a network that reads windows: float32 (1, channels, *patch).

    `orientation` is `stored` for the axes as the file has them, (slice, row, column), or nibabel's letters of the
    directions of (column, row, slice) to which the scan is turned first. `transpose` then orders the axes; everything
    below is in that order. `spacing` is in mm; two values (and two of `patch`) are a network that reads planes along
    the first axis, whose spacing stays. `step` is the distance of windows as a share of the patch. `mirror_axes` are
    the axes of the patch that may be mirrored, and `mirroring` says whether their results are averaged: that takes
    2 to 8 times as long and is off by default.

    `framework` says whose arithmetic is followed where the two differ:

    * `nnunet`: the resampled grid has the extent of the scan; windows are spread evenly; sums are in half precision;
      the part that is not zero has its holes filled.
    * `monai`: the resampled grid starts at the scan's first voxel; windows are `step` of the patch apart, the last one
      at the end; sums are in single precision; the part that is not zero is each voxel that is not zero.

    `normalise` is before or after the resampling. `window_weights` is how the voxels of a window count in the mean.
    `output` is what is resampled to the scan's grid: logits, probabilities (of all labels, or with regions of each), or
    labels, by the nearest voxel.
    """

    kind: Literal["volume"] = "volume"
    channels: tuple[Channel, ...] = Field(min_length=1)
    orientation: str = Field(default="stored", pattern="^(stored|[RLAPSI]{3})$")
    transpose: tuple[int, int, int] = (0, 1, 2)
    crop_to_nonzero: bool = True
    spacing: tuple[float, ...] = Field(min_length=2, max_length=3)
    resampling: Resampling = Resampling(order=3)
    patch: tuple[int, ...] = Field(min_length=2, max_length=3)
    step: float = Field(default=0.5, gt=0.0, le=1.0)
    mirror_axes: tuple[int, ...] = ()
    mirroring: bool = False
    output_resampling: Resampling = Resampling(order=1)
    framework: Literal["nnunet", "monai"] = "nnunet"
    normalise: Literal["before", "after"] = "before"
    window_weights: Literal["gaussian", "constant"] = "gaussian"
    output: Literal["logits", "probabilities", "labels"] = "logits"

    @model_validator(mode="after")
    def _check(self) -> Self:
        if sorted(self.transpose) != [0, 1, 2]:
            raise ValueError("transpose is not an order of the three axes")
        axes = {frozenset("LR"), frozenset("AP"), frozenset("IS")}
        if self.orientation != "stored" and any(len(axis & set(self.orientation)) != 1 for axis in axes):
            raise ValueError("orientation needs one letter of each of the pairs R L, A P and S I")
        if len(self.spacing) != len(self.patch):
            raise ValueError("spacing and patch have different numbers of axes")
        if min(self.spacing) <= 0.0 or min(self.patch) < 1:
            raise ValueError("spacing and patch must be above 0")
        if any(not 0 <= axis < len(self.patch) for axis in self.mirror_axes):
            raise ValueError("mirror_axes names an axis that the patch does not have")
        if len(set(self.mirror_axes)) < len(self.mirror_axes):
            raise ValueError("mirror_axes names an axis twice")
        if max(self.output_resampling.order, self.output_resampling.order_z) > 1:
            raise ValueError("results are resampled with order 0 or 1")
        if self.framework == "monai" and (self.resampling.order > 1 or self.crop_to_nonzero or self.is_flat):
            raise ValueError("as MONAI, only volumes are read, resampled with order 0 or 1 and not cropped")
        return self

    @property
    def is_flat(self) -> bool:
        """Return whether the network reads planes."""
        return len(self.patch) == 2
