"""Loads nnU-Net's checkpoints and builds their networks."""

from __future__ import annotations

import pickle
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from shared.errors import ModelError

NETWORKS = ("PlainConvUNet", "ResidualEncoderUNet")


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """The weights of one fold and what nnU-Net wrote beside them; `mirror_axes` are axes of the patch."""

    weights: dict[str, Any]
    configuration: str
    trainer: str
    mirror_axes: tuple[int, ...]


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint; of its pickle only tensors, plain values and NumPy's scalars are read.

    Raises ModelError for a missing or another file, and for one with other objects.
    """
    try:
        with torch.serialization.safe_globals(_numpy_scalars()):
            content = torch.load(path, map_location="cpu", weights_only=True)
        return Checkpoint(
            weights=content["network_weights"],
            configuration=content["init_args"]["configuration"],
            trainer=content["trainer_name"],
            mirror_axes=tuple(content.get("inference_allowed_mirroring_axes") or ()),
        )
    except OSError as error:
        raise ModelError(f"There is no readable {path.parent.name}/{path.name}.") from error
    except pickle.UnpicklingError as error:
        named = re.search(r"GLOBAL (\S+)", str(error))
        what = f" ({named[1]})" if named else ""
        raise ModelError(f"{path.name} has objects other than numbers{what} and is not loaded.") from error
    except (KeyError, TypeError, RuntimeError) as error:
        raise ModelError(f"{path.parent.name}/{path.name} is not a checkpoint of nnU-Net v2.") from error


def _numpy_scalars() -> list[Any]:
    """Return the functions and types that pickles of NumPy's numbers name, under their old and new names."""
    scalar: Any = np.float64(0).__reduce__()[0]
    numbers = (np.float64, np.float32, np.float16, np.int64, np.int32, np.uint8, np.bool_)
    names = (f"numpy.{part}.multiarray.scalar" for part in ("core", "_core"))
    return [np.dtype, *(type(np.dtype(number)) for number in numbers), *((scalar, name) for name in names)]


def build_network(configuration: dict[str, Any], channels: int, outputs: int) -> nn.Module:
    """Return the network of a configuration of plans.json, without weights.

    Raises ModelError for an architecture other than nnU-Net's U-Nets.
    """
    from dynamic_network_architectures.architectures import unet

    architecture = configuration.get("architecture") or _old_architecture(configuration)
    name = str(architecture["network_class_name"]).rsplit(".", 1)[-1]
    if name not in NETWORKS:
        raise ModelError(f"The architecture {name} can't be converted; {' and '.join(NETWORKS)} can.")
    options = dict(architecture["arch_kwargs"])
    for key in architecture["_kw_requires_import"]:
        options[key] = _part(options[key])
    kind: type[nn.Module] = getattr(unet, name)
    return kind(input_channels=channels, num_classes=outputs, deep_supervision=False, **options)


def _part(name: str | None) -> type[nn.Module] | None:
    """Return the part of torch.nn of this name; plans may come from anywhere, so nothing else is imported."""
    if name is None:
        return None
    kind = getattr(nn, name.rsplit(".", 1)[-1], None) if name.startswith("torch.nn.") else None
    if not (isinstance(kind, type) and issubclass(kind, nn.Module)):
        raise ModelError(f"The architecture uses {name}, which is not a part of torch.nn.")
    return kind


def _old_architecture(configuration: dict[str, Any]) -> dict[str, Any]:
    """Return the architecture of plans from before nnU-Net 2.3, which had the same networks under other keys."""
    try:
        is_plain = configuration["UNet_class_name"] == "PlainConvUNet"
        stages, dimensions = len(configuration["n_conv_per_stage_encoder"]), len(configuration["patch_size"])
        base, most = configuration["UNet_base_num_features"], configuration["unet_max_num_features"]
        return {
            "network_class_name": configuration["UNet_class_name"],
            "arch_kwargs": {
                "n_stages": stages,
                "features_per_stage": [min(base * 2**stage, most) for stage in range(stages)],
                "conv_op": f"torch.nn.Conv{dimensions}d",
                "kernel_sizes": configuration["conv_kernel_sizes"],
                "strides": configuration["pool_op_kernel_sizes"],
                "n_conv_per_stage" if is_plain else "n_blocks_per_stage": configuration["n_conv_per_stage_encoder"],
                "n_conv_per_stage_decoder": configuration["n_conv_per_stage_decoder"],
                "conv_bias": True,
                "norm_op": f"torch.nn.InstanceNorm{dimensions}d",
                "norm_op_kwargs": {"eps": 1e-5, "affine": True},
                "dropout_op": None,
                "nonlin": "torch.nn.LeakyReLU",
                "nonlin_kwargs": {"inplace": True},
            },
            "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
        }
    except KeyError as error:
        raise ModelError(f"plans.json does not describe the architecture: {error.args[0]} is missing.") from error
