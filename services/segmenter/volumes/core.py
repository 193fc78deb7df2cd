"""Labels a scan with a network that reads volumes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.segmenter.volumes.classes import label_planes
from services.segmenter.volumes.grid import exact_spacing, find_grid, uncrop
from services.segmenter.volumes.prepare import prepare
from services.segmenter.volumes.resampling import Spacing
from services.segmenter.volumes.sliding import logit_planes
from services.segmenter.volumes.windows import place_windows
from shared.arrays import Float64, UInt8
from shared.imaging.geometry import to_axial
from shared.imaging.volume import Volume
from shared.imaging.volume_input import VolumeInput
from shared.models.network import Network


def label_scan(
    volume: Volume,
    network: Network,
    spec: VolumeInput,
    progress: Callable[[float], None] = lambda _: None,
) -> UInt8:
    """Return the label map of a scan, uint8 on its own grid; the scan has one image per channel of the model."""
    grid = volume.geometry
    turn = None if spec.orientation == "stored" else to_axial(grid, _codes(spec.orientation))
    images = [image if turn is None else turn.apply(image) for image in volume.images]
    seen = grid if turn is None else turn.target
    labels = label_images(images, seen.spacing, network, spec, progress, seen.affine[:3, 2::-1])
    return labels if turn is None else np.ascontiguousarray(turn.undo(labels))


def _codes(orientation: str) -> tuple[str, str, str]:
    return orientation[0], orientation[1], orientation[2]


def label_images(  # noqa: PLR0917
    images: Sequence[NDArray[Any]],
    spacing: Spacing,
    network: Network,
    spec: VolumeInput,
    progress: Callable[[float], None] = lambda _: None,
    directions: Float64 | None = None,
) -> UInt8:
    """Return the label map (slice, row, column) of a scan, uint8.

    `images` has one array (slice, row, column) of `spacing` mm per channel, all on one grid, whose axes are the columns
    of `directions` (mm; None: at right angles). `progress` is called with 0 to 1 after each window; its exceptions
    propagate.
    """
    ordered = [np.transpose(image, spec.transpose) for image in images]
    sizes = exact_spacing(spacing)
    z, y, x = (sizes[axis] for axis in spec.transpose)
    axes = None if directions is None else directions[:, spec.transpose]
    grid = find_grid(ordered, (z, y, x), spec, axes)
    windows = place_windows(prepare(ordered, grid, spec), spec)
    planes = logit_planes(windows, network, network.card.outputs, spec, progress)
    labels = uncrop(label_planes(planes, grid, spec, network.card.regions), grid)
    return np.ascontiguousarray(np.transpose(labels, np.argsort(spec.transpose)))
