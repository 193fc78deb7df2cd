"""A job's volume and label map as the gateway reads them: one slice, or a NIfTI stream."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from shared import artifacts
from shared.errors import NotFound
from shared.imaging.geometry import Geometry
from shared.imaging.volume import ORGANS, LabelMap, Organ
from shared.ledger.jobs import Artifact
from shared.storage.base import Store

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class StoredVolume:
    """A volume in the store: its grid, modality and dtype, and the offset of its voxels."""

    store: Store
    key: str
    start: int
    dtype: np.dtype[np.generic]
    geometry: Geometry
    modality: str

    @classmethod
    def open(cls, store: Store, artifact: Artifact) -> StoredVolume:
        """Read only the headers of what `artifacts.save_volume` wrote."""
        file = io.BufferedReader(_Ranged(store, artifact))
        voxels = artifacts.find_array(file, "data")
        with zipfile.ZipFile(file) as archive:
            affine, about = (np.load(io.BytesIO(archive.read(f"{name}.npy"))) for name in ("affine", "about"))
        geometry = Geometry(voxels.shape, affine)
        return cls(store, artifact.key, voxels.start, voxels.dtype, geometry, str(about[0]))

    def slice(self, number: int) -> NDArray[np.generic]:
        """Return one slice (row, column) by a ranged read.

        Raises NotFound after the last slice.
        """
        slices, rows, _ = self.geometry.shape
        if not 0 <= number < slices:
            raise NotFound(f"There is no such slice: they are numbered 0 to {slices - 1}.")
        return self.rows(number, 0, rows)

    def rows(self, number: int, first: int, stop: int) -> NDArray[np.generic]:
        """Return the rows `first` to `stop` (exclusive) of a slice (row, column) by a ranged read; all must exist."""
        _, rows, columns = self.geometry.shape
        line = columns * self.dtype.itemsize
        begin = self.start + (number * rows + first) * line
        data = b"".join(self.store.read(self.key, begin, begin + (stop - first) * line))
        return np.frombuffer(data, self.dtype).reshape(stop - first, columns)

    def nifti(self) -> Iterator[bytes]:
        """Yield the whole volume as gzipped NIfTI-1 (column, row, slice), RAS affine in mm, in bounded memory."""
        shape = self.geometry.shape
        header = nib.Nifti1Header()
        header.set_data_dtype(np.uint8 if self.dtype == np.bool_ else self.dtype)
        header.set_data_shape(shape[::-1])
        header.set_xyzt_units("mm")
        header.set_sform(self.geometry.ras, code=1)
        header.set_qform(self.geometry.ras, code=1)
        header["magic"], header["vox_offset"] = b"n+1", 352
        count = shape[0] * shape[1] * shape[2] * self.dtype.itemsize
        packer = zlib.compressobj(1, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
        yield packer.compress(header.binaryblock + b"\0" * 4)
        for piece in self.store.read(self.key, self.start, self.start + count):
            yield packer.compress(piece)
        yield packer.flush()


@lru_cache(maxsize=8)
def label_map(store: Store, artifact: Artifact) -> LabelMap:
    """Return the label map of a job; the latest few are cached, so that paging through slices is quick."""
    with store.file(artifact.key) as path:
        return artifacts.load_labels(path)


@lru_cache(maxsize=64)
def label_set(store: Store, artifact: Artifact) -> tuple[Organ, ...]:
    """Return the labels of a job that have a name, from the facts of its segmenter."""
    return artifacts.Facts.model_validate_json(b"".join(store.read(artifact.key))).organs


def organs_of(store: Store, files: Mapping[str, Artifact]) -> tuple[Organ, ...]:
    """Return the labels of a job by its files; those of the shipped model where no segmenter wrote any."""
    facts = files.get(artifacts.facts_name("segmenter"))
    return ORGANS if facts is None else label_set(store, facts)


class _Ranged(io.RawIOBase):
    """An object of the store as a file with ranged reads."""

    def __init__(self, store: Store, artifact: Artifact) -> None:
        self.store, self.artifact, self.at = store, artifact, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.at, io.SEEK_END: self.artifact.bytes}[whence]
        self.at = base + offset
        return self.at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        stop = min(self.at + len(buffer), self.artifact.bytes)
        data = b"".join(self.store.read(self.artifact.key, self.at, stop)) if stop > self.at else b""
        buffer[: len(data)] = data
        self.at += len(data)
        return len(data)
