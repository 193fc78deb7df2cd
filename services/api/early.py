"""Early outlines as the gateway reads them: label maps of the slices that are finished so far."""

from __future__ import annotations

import gzip
from dataclasses import dataclass

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from shared.ledger import early
from shared.ledger.early import EarlyPart


@dataclass(frozen=True, slots=True)
class StoredPart:
    """A part with its gzipped NIfTI label map."""

    part: EarlyPart
    data: bytes

    def labels(self) -> NDArray[np.uint8]:
        """Return the labels (slice, row, column) of the part."""
        image = nib.Nifti1Image.from_bytes(gzip.decompress(self.data))
        return np.asarray(image.dataobj, dtype=np.uint8).T


def parts_of_slice(connection: Connection, job_id: str, number: int) -> list[StoredPart]:
    """Return the parts that show something of a slice (index along array axis 0)."""
    found = [part for part in early.parts(connection, job_id) if part.axis or part.start <= number < part.stop]
    stored = ((part, early.read(connection, job_id, part.number, part.attempt)) for part in found)
    return [StoredPart(part, data) for part, data in stored if data is not None]


def slice_labels(parts: list[StoredPart], number: int, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return the labels (row, column) of a slice of a scan of a shape (slices, rows, columns); 0 where none is yet."""
    labels = np.zeros(shape[1:], dtype=np.uint8)
    for stored in parts:
        part, data = stored.part, stored.labels()
        if part.axis == 0:
            labels[:] = data[number - part.start]
        elif part.axis == 1:
            labels[part.start : part.stop] = data[number]
        else:
            labels[:, part.start : part.stop] = data[number]
    return labels
