"""From the transforms and windows of a MONAI bundle to the input of a model card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import ValidationError

from shared.errors import ModelError
from shared.imaging.volume_input import Channel, ChannelNormalisation, Resampling, VolumeInput
from training.bundles.configuration import Configuration, Transform

_ANY: Any = object()
"""Any value of an option."""
_SMALLEST_RANGE = 1e-12
NEUTRAL = ("LoadImaged", "EnsureChannelFirstd", "EnsureTyped", "ToTensord", "CastToTyped")
"""Transforms that do not change values or places."""
BEFORE = (*NEUTRAL, "Orientationd", "Spacingd", "ScaleIntensityRanged", "NormalizeIntensityd", "ScaleIntensityd")
AFTER = (*NEUTRAL, "Activationsd", "AsDiscreted", "Invertd", "SaveImaged")
Output = Literal["logits", "probabilities", "labels"]


def check_options(step: Transform, known: dict[str, Any]) -> None:
    """Raise ModelError for an option that is not known, or has a value other than the known ones."""
    for name, value in step.options.items():
        allowed = known.get(name, ())
        if allowed is not _ANY and value not in allowed:
            raise ModelError(f"{step.name} with {name} {value} can't be converted.")


@dataclass(slots=True)
class _Preprocessing:
    """What the transforms before the network do."""

    channels: int
    orientation: str = "stored"
    spacing: tuple[float, ...] | None = None
    order: int = 1
    normalisation: ChannelNormalisation | None = None
    sides: set[Literal["before", "after"]] = field(default_factory=set)

    def take(self, step: Transform) -> None:
        """Note what one transform does."""
        if step.name in NEUTRAL:
            self._neutral(step)
        elif step.name == "Orientationd":
            check_options(step, {"keys": _ANY, "axcodes": _ANY, "as_closest_canonical": (False,), "labels": (None,)})
            self.orientation = str(step.options.get("axcodes", ""))
        elif step.name == "Spacingd":
            self._spacing(step)
        else:
            self._normalise(_normalisation(step, self.channels))

    @staticmethod
    def _neutral(step: Transform) -> None:
        if step.name == "CastToTyped":
            check_options(step, {"keys": _ANY, "dtype": ("float32", "torch.float32", "np.float32", "numpy.float32")})
        else:
            check_options(
                step, {"ensure_channel_first": (True, False), "strict_check": _ANY, "allow_missing_keys": _ANY}
            )

    def _spacing(self, step: Transform) -> None:
        known = {"keys": _ANY, "pixdim": _ANY, "mode": ("bilinear", "nearest", ["bilinear"], ["nearest"])}
        same = {"padding_mode": ("border", ["border"]), "diagonal": (False,), "align_corners": (False, None)}
        check_options(step, {**known, **same, "scale_extent": (False,), "recompute_affine": _ANY, "dtype": _ANY})
        pixdim = step.options.get("pixdim")
        if not isinstance(pixdim, list) or len(pixdim) != 3 or self.spacing:
            raise ModelError("The bundle needs one Spacingd with three values in pixdim.")
        self.spacing = tuple(float(size) for size in pixdim)
        self.order = 0 if "nearest" in str(step.options.get("mode", "bilinear")) else 1

    def _normalise(self, new: ChannelNormalisation) -> None:
        """Note a normalisation; a range or z-score of the whole scan undoes what a linear one did before."""
        old = self.normalisation
        replaces = new.scheme in {"z_score", "rescale"} and not new.within_mask
        if old is not None and (old.within_mask or old.scheme == "clip_z_score" or not replaces):
            raise ModelError("The bundle normalises twice; a card has one normalisation of each channel.")
        self.normalisation = new
        self.sides.add("before" if self.spacing is None else "after")


def _normalisation(step: Transform, channels: int) -> ChannelNormalisation:
    options = step.options
    if step.name == "ScaleIntensityRanged":
        check_options(
            step, {"keys": _ANY, "dtype": _ANY} | dict.fromkeys(("a_min", "a_max", "b_min", "b_max", "clip"), _ANY)
        )
        return _range(options)
    if channels > 1 and not options.get("channel_wise", False):
        raise ModelError(f"{step.name} of several channels together (channel_wise false) can't be converted.")
    if step.name == "ScaleIntensityd":
        check_options(
            step, {"keys": _ANY, "minv": (0,), "maxv": (1,), "factor": (None,), "channel_wise": _ANY, "dtype": _ANY}
        )
        return ChannelNormalisation(scheme="rescale")
    known = {"keys": _ANY, "nonzero": (True, False), "channel_wise": _ANY, "dtype": _ANY}
    mean, std = options.get("subtrahend"), options.get("divisor")
    if mean is None and std is None:
        check_options(step, known | {"subtrahend": (None,), "divisor": (None,)})
        return ChannelNormalisation(scheme="z_score", within_mask=bool(options.get("nonzero", False)))
    check_options(step, known | {"nonzero": (False,), "subtrahend": _ANY, "divisor": _ANY})
    if not all(isinstance(value, (int, float)) for value in (mean, std)):
        raise ModelError("NormalizeIntensityd needs one number each as subtrahend and divisor, or none.")
    return ChannelNormalisation(scheme="linear", mean=mean, std=std)


def _range(options: dict[str, Any]) -> ChannelNormalisation:
    """Return a range as mean and divisor: (x - a_min) / (a_max - a_min) * (b_max - b_min) + b_min."""
    low, high = float(options["a_min"]), float(options["a_max"])
    new_low, new_high = (options.get(key) for key in ("b_min", "b_max"))
    new_low, new_high = (0.0, 1.0) if new_low is None or new_high is None else (float(new_low), float(new_high))
    if high - low < _SMALLEST_RANGE or new_high - new_low < _SMALLEST_RANGE:
        raise ModelError("ScaleIntensityRanged needs a_max above a_min and b_max above b_min.")
    std = (high - low) / (new_high - new_low)
    facts = {"mean": low - new_low * std, "std": std}
    if options.get("clip", False):
        return ChannelNormalisation(scheme="clip_z_score", low=low, high=high, **facts)
    return ChannelNormalisation(scheme="linear", **facts)


def volume_input(configuration: Configuration, channels: Sequence[str]) -> tuple[VolumeInput, bool]:
    """Return how the network wants its input, and whether its outputs are regions (sigmoid), not labels (softmax).

    Raises ModelError, by its name, for whatever a card can't say.
    """
    before = _Preprocessing(len(channels))
    for step in configuration.transforms("preprocessing", BEFORE):
        before.take(step)
    if before.spacing is None:
        raise ModelError("The bundle has no Spacingd: a network that reads any spacing can't be converted.")
    if len(before.sides) > 1:
        raise ModelError("The bundle normalises before and after Spacingd; a card has one place for it.")
    output, has_regions = _output(configuration.transforms("postprocessing", AFTER))
    normalisation = before.normalisation or ChannelNormalisation(scheme="none")
    try:
        spec = VolumeInput(
            channels=tuple(Channel(name=name, normalisation=normalisation) for name in channels),
            orientation=before.orientation,
            transpose=(2, 1, 0),  # MONAI's arrays are (column, row, slice)
            crop_to_nonzero=False,
            spacing=before.spacing,
            resampling=Resampling(order=before.order, separate_z=False),
            output_resampling=Resampling(order=1, separate_z=False),
            framework="monai",
            normalise=next(iter(before.sides), "before"),
            output=output,
            **_windows(configuration.component("inferer")),
        )
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the configuration"
        raise ModelError(f"The bundle can't be converted: {where}: {first['msg']}.") from error
    return spec, has_regions


def _windows(inferer: Transform) -> dict[str, Any]:
    if inferer.name != "SlidingWindowInferer":
        raise ModelError(f"The inferer {inferer.name} can't be converted; SlidingWindowInferer can.")
    same = {"padding_mode": ("constant",), "cval": (0,), "sigma_scale": (0.125,), "roi_size": _ANY, "overlap": _ANY}
    check_options(inferer, {**same, "mode": ("constant", "gaussian"), "buffer_steps": (None,), "buffer_dim": _ANY})
    patch, overlap = inferer.options.get("roi_size"), inferer.options.get("overlap", 0.25)
    if not isinstance(patch, list) or len(patch) != 3 or not all(isinstance(n, int) and n > 0 for n in patch):
        raise ModelError("SlidingWindowInferer needs three whole numbers above 0 as roi_size.")
    if not isinstance(overlap, (int, float)):
        raise ModelError("SlidingWindowInferer needs one number as overlap.")
    return {
        "patch": tuple(patch),
        "step": 1.0 - overlap,
        "window_weights": inferer.options.get("mode", "constant"),
    }


def _output(steps: Sequence[Transform]) -> tuple[Output, bool]:
    """Return what is resampled to the scan's grid, and whether outputs are regions."""
    place: dict[str, int] = {}
    activation, nearest = None, True
    for number, step in enumerate(steps):
        if step.name == "Activationsd":
            check_options(step, {"keys": _ANY, "softmax": (True, False), "sigmoid": (True, False), "other": (None,)})
            activation = (
                "softmax" if step.options.get("softmax") else "sigmoid" if step.options.get("sigmoid") else None
            )
        elif step.name == "AsDiscreted":
            known = {"keys": _ANY, "argmax": (True, False), "threshold": (0.5, None), "to_onehot": (None,)}
            check_options(step, {**known, "rounding": (None,), "dim": (0,), "keepdim": (True,), "dtype": _ANY})
        elif step.name == "Invertd":
            check_options(step, {"nearest_interp": (True, False), "to_tensor": _ANY, "post_func": (None,)})
            nearest = bool(step.options.get("nearest_interp", True))
        elif step.name == "SaveImaged":
            check_options(step, {"resample": (True, False), "mode": ("nearest",), "padding_mode": ("border",)})
        place[step.name] = number
    if "AsDiscreted" not in place:
        raise ModelError("The bundle has no AsDiscreted after the network, so its output is no label map.")
    discrete = next(step for step in steps if step.name == "AsDiscreted")
    has_regions = not discrete.options.get("argmax", False)
    if has_regions and (activation != "sigmoid" or discrete.options.get("threshold") is None):
        raise ModelError("AsDiscreted needs argmax, or a threshold of 0.5 after a sigmoid.")
    return _resampled(place, steps, activation is not None, nearest), has_regions


def _resampled(place: dict[str, int], steps: Sequence[Transform], has_activation: bool, nearest: bool) -> Output:
    if "Invertd" not in place:
        saved = [step for step in steps if step.name == "SaveImaged"]
        if any(step.options.get("resample", True) is False for step in saved):
            raise ModelError("The bundle does not bring its labels back to the scan's grid (Invertd).")
        return "labels"
    if nearest:
        return "labels"
    if place["AsDiscreted"] < place["Invertd"]:
        raise ModelError("Invertd with nearest_interp false after AsDiscreted mixes the numbers of labels.")
    is_likely = has_activation and place.get("Activationsd", len(steps)) < place["Invertd"]
    return "probabilities" if is_likely else "logits"
