"""FreeSurfer's MGH and MGZ volumes."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from nibabel.freesurfer.mghformat import MGHHeader

from shared.errors import BadGeometry, CorruptScan, MixedSeries, UnsupportedScan
from shared.imaging.formats.limits import Limits
from shared.imaging.formats.members import Member
from shared.imaging.formats.plan import Hints, Pixels, Plan
from shared.imaging.formats.values import MODALITY_GUESSED, guess_modality, scaled
from shared.imaging.geometry import Geometry


def plan(members: list[Member], hints: Hints, limits: Limits) -> Plan:
    """Return the plan of an MGH volume from its header.

    Raises a `BadScan` for a header that can't be used.
    """
    if len(members) > 1:
        raise MixedSeries(f"There are {len(members)} MGH images in it; send one at a time.")
    member = members[0]
    try:
        header = MGHHeader(member.content_head(512)[: MGHHeader.template_dtype.itemsize], check=False)
        shape = [int(n) for n in header.get_data_shape()]
        dtype, offset = header.get_data_dtype(), int(header.get_data_offset())
        affine = np.array(header.get_affine(), dtype=np.float64)
    except Exception as error:  # nibabel raises many kinds of error for a damaged header
        raise CorruptScan("The MGH header is damaged.") from error
    if len(shape) < 3 or min(shape) < 1 or any(n != 1 for n in shape[3:]):
        raise UnsupportedScan("The MGH image is not one three-dimensional volume.")
    limits.check_volume(shape)
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) == 0:
        raise BadGeometry("The MGH header has no valid orientation.")
    grid = Geometry.from_ras((shape[2], shape[1], shape[0]), affine)
    return Plan(
        geometry=grid,
        source="mgh",
        itemsize=max(dtype.itemsize, 4),
        read=partial(_read, member, offset, dtype, grid.shape, hints),
        warnings=() if hints.modality else (MODALITY_GUESSED,),
    )


def _read(member: Member, offset: int, dtype: np.dtype[Any], shape: tuple[int, int, int], hints: Hints) -> Pixels:
    raw = member.content(offset, shape[0] * shape[1] * shape[2] * dtype.itemsize, "MGH")
    data = scaled(np.frombuffer(raw, dtype).reshape(shape), None, 0.0)
    return Pixels(data, hints.modality or guess_modality(data))
