"""Key pictures of a report: of each organ the slice on which its area is largest, with its outline."""

from __future__ import annotations

import numpy as np

from shared.arrays import Int64, UInt8
from shared.artifacts import KeyPicture, pack_pictures
from shared.imaging.pictures import slice_jpeg
from shared.imaging.volume import LabelMap, Volume

LONGER_SIDE = 480
"""Pixels of a picture's longer side: 200 per inch at the width of a third of an A4 page."""


def key_pictures(volume: Volume, labels: LabelMap) -> bytes:
    """Return one picture per label that has a voxel, packed by `shared.artifacts.pack_pictures`.

    Volume and label map are on one grid; slices are those of the first axis. The same input gives the same bytes.
    """
    return pack_pictures(
        KeyPicture(label, number, len(labels.data), _picture(volume, labels, label, number))
        for label, number in key_slices(labels.data).items()
    )


def key_slices(data: UInt8) -> dict[int, int]:
    """Return for each label id of `data` (slice, row, column) the slice on which it has most voxels, the first such."""
    areas: Int64 = np.stack([np.bincount(plane.reshape(-1), minlength=256) for plane in data])
    areas[:, 0] = 0
    return {int(label): int(areas[:, label].argmax()) for label in np.flatnonzero(areas.any(axis=0))}


def _picture(volume: Volume, labels: LabelMap, label: int, number: int) -> bytes:
    alone = np.where(labels.data[number] == label, np.uint8(label), np.uint8(0))
    return slice_jpeg(
        np.asarray(volume.data[number]),
        labels.geometry.affine,
        modality=volume.modality,
        labels=alone,
        organs=labels.organs,
        longer=LONGER_SIDE,
    )
