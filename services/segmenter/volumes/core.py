"""Labels a scan with a network that reads volumes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.segmenter.volumes.classes import label_planes
from services.segmenter.volumes.prepare import exact_spacing, find_grid, prepare, uncrop
from services.segmenter.volumes.resampling import Spacing
from services.segmenter.volumes.sliding import logit_planes, windows
from shared.arrays import UInt8
from shared.errors import UnsupportedScan
from shared.imaging.geometry import to_axial
from shared.imaging.volume import Volume
from shared.imaging.volume_input import VolumeInput
from shared.models.network import Network


def label_scan(
    volume: Volume, network: Network, spec: VolumeInput, progress: Callable[[float], None] = lambda _: None
) -> UInt8:
    """Return the label map of a scan with one image, uint8 on its own grid.

    Raises UnsupportedScan where the model reads several images.
    """
    if len(spec.channels) > 1:
        names = ", ".join(channel.name for channel in spec.channels)
        raise UnsupportedScan(f"The model reads {len(spec.channels)} images ({names}) and the scan has one.")
    turn = None if spec.orientation == "stored" else to_axial(volume.geometry, _CODES[spec.orientation])
    image = volume.data if turn is None else turn.apply(volume.data)
    spacing = volume.geometry.spacing if turn is None else turn.target.spacing
    labels = label_images([image], spacing, network, spec, progress)
    return labels if turn is None else np.ascontiguousarray(turn.undo(labels))


_CODES = {"RAS": ("R", "A", "S"), "LPS": ("L", "P", "S")}


def label_images(
    images: Sequence[NDArray[Any]],
    spacing: Spacing,
    network: Network,
    spec: VolumeInput,
    progress: Callable[[float], None] = lambda _: None,
) -> UInt8:
    """Return the label map (slice, row, column) of a scan, uint8.

    `images` has one array (slice, row, column) of `spacing` mm per channel, all on one grid. `progress` is called with
    0 to 1 after each window; its exceptions propagate.
    """
    turned = [np.transpose(image, spec.transpose) for image in images]
    sizes = exact_spacing(spacing)
    grid = find_grid(turned, (sizes[spec.transpose[0]], sizes[spec.transpose[1]], sizes[spec.transpose[2]]), spec)
    seen = windows(prepare(turned, grid, spec), spec)
    planes = logit_planes(seen, network, network.card.outputs, spec, progress)
    labels = uncrop(label_planes(planes, grid, spec.output_resampling, network.card.regions), grid)
    return np.ascontiguousarray(np.transpose(labels, np.argsort(spec.transpose)))
