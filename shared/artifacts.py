"""File formats of the artifacts that one stage writes and the next one reads."""

from __future__ import annotations

import gzip
import io
import mmap
import struct
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from shared.errors import UnsupportedScan
from shared.imaging.confidence import Confidence
from shared.imaging.geometry import Geometry
from shared.imaging.label_table import to_description, to_xml
from shared.imaging.volume import ORGANS, LabelMap, Modality, Organ, SliceScores, SourceFormat, Volume

_LOCAL_HEADER = 30
"""Bytes of a zip's local file header before the name (APPNOTE 4.3.7)."""
_CARET = 30
"""Code of a header extension in the Caret XML format (NIfTI-1, extension codes)."""
_DESCRIPTION_BYTES = 80
"""Size of the field `descrip`, with the zero at its end (NIfTI-1)."""
_FURTHER = "further_"
"""Beginning of the names of the further images of a stored volume; their numbers count from 1."""
VOLUME, SCORES, LABELS = "volume.npz", "scores.npz", "labels.nii.gz"
DICOM_FILES = ("segmentation.dcm", "sr.dcm", "rtstruct.dcm", "stl.dcm", "obj.dcm", "mtl.dcm")
"""DICOM files of a job's result."""
PICTURES = "pictures.zip"
"""The key pictures of a result, from which the gateway composes its report; no client gets this file."""


class ModelFact(BaseModel):
    """A model that took part in a result."""

    name: str
    version: str
    sha256: str
    provider: str
    device: str = ""


class Facts(BaseModel):
    """What is known about a result so far; each stage adds to it. `organs` are the labels that have a name."""

    source: SourceFormat
    modality: Modality
    warnings: tuple[str, ...] = ()
    models: tuple[ModelFact, ...] = ()
    seconds: dict[str, float] = {}
    organs: tuple[Organ, ...] = ORGANS
    confidence: Confidence | None = None

    def grown(self, stage: str, seconds: float, *, warnings: tuple[str, ...] = (), model: ModelFact | None) -> Facts:
        """Return these facts with those of one more stage; `seconds` is its duration, `model` None if it ran none."""
        return self.model_copy(
            update={
                "warnings": (*self.warnings, *(code for code in warnings if code not in self.warnings)),
                "models": (*self.models, *((model,) if model else ())),
                "seconds": {**self.seconds, stage: round(seconds, 3)},
            }
        )


@dataclass(frozen=True, slots=True)
class KeyPicture:
    """The slice on which a label's area is largest: its number, counted from 0, the slices of the scan, a JPEG."""

    label: int
    slice: int
    slices: int
    jpeg: bytes


def pack_pictures(pictures: Iterable[KeyPicture]) -> bytes:
    """Return key pictures as a zip whose bytes depend on them alone."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for picture in pictures:
            name = f"{picture.label}.{picture.slice}.{picture.slices}.jpg"
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), picture.jpeg)
    return buffer.getvalue()


def unpack_pictures(data: bytes) -> list[KeyPicture]:
    """Return what `pack_pictures` packed, in the same order."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = [(name.split("."), archive.read(name)) for name in archive.namelist()]
    return [KeyPicture(int(label), int(number), int(count), jpeg) for (label, number, count, _), jpeg in parts]


def facts_name(stage: str) -> str:
    """Return the name of the file in which a stage leaves the facts."""
    return f"facts.{stage}.json"


def save_volume(path: Path, volume: Volume) -> None:
    """Write a volume as an uncompressed .npz without pickles."""
    about = np.array([volume.modality, volume.source, *volume.warnings])
    further = {f"{_FURTHER}{number}": image for number, image in enumerate(volume.further, start=1)}
    with path.open("wb") as file:
        arrays: dict[str, Any] = {"data": volume.data, "affine": volume.geometry.affine, "about": about, **further}
        np.savez(file, **arrays)


def load_volume(path: Path) -> Volume:
    """Read what `save_volume` wrote; the voxels are mapped from the file, so only those that are used take memory."""
    with np.load(path, allow_pickle=False) as arrays:
        affine, about = arrays["affine"], [str(text) for text in arrays["about"]]
        count = sum(name.startswith(_FURTHER) for name in arrays.files)
    data, *further = (_mapped(path, name) for name in ("data", *(f"{_FURTHER}{n + 1}" for n in range(count))))
    modality: Modality = "CT" if about[0] == "CT" else "MR"
    source: SourceFormat = about[1]  # type: ignore[assignment]
    shape = (data.shape[0], data.shape[1], data.shape[2])
    return Volume(data, Geometry(shape, affine), modality, source, tuple(about[2:]), tuple(further))


def _mapped(path: Path, name: str) -> NDArray[Any]:
    with path.open("rb") as file:
        voxels = find_array(file, name)
    return np.memmap(path, voxels.dtype, "r", voxels.start, voxels.shape, voxels.order)


def release_pages(volume: Volume) -> None:
    """Let the system drop the pages of a mapped volume that were read; they are read again when they are used."""
    for image in volume.images:
        mapping = getattr(image, "base", None)
        if isinstance(mapping, mmap.mmap):
            mapping.madvise(mmap.MADV_DONTNEED)


@dataclass(frozen=True, slots=True)
class StoredArray:
    """An array of an uncompressed .npz: its shape, dtype, memory order and the offset of its first byte."""

    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    order: Literal["C", "F"]
    start: int


def find_array(file: BinaryIO, name: str) -> StoredArray:
    """Return where an array with three axes is in an uncompressed .npz file.

    Raises KeyError if there is no such array.
    """
    with zipfile.ZipFile(file) as archive:
        info = archive.getinfo(f"{name}.npy")
        with archive.open(info) as entry:
            np.lib.format.read_magic(entry)
            shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(entry)
            header = entry.tell()
    file.seek(info.header_offset + 26)  # the lengths of name and extra field in the local header
    name_length, extra_length = struct.unpack("<HH", file.read(4))
    start = info.header_offset + _LOCAL_HEADER + name_length + extra_length + header
    return StoredArray((shape[0], shape[1], shape[2]), dtype, "F" if is_fortran else "C", start)


def save_scores(path: Path, scores: SliceScores) -> None:
    """Write slice scores as .npz."""
    with path.open("wb") as file:
        np.savez(file, scores=scores.scores, keep=scores.keep)


def load_scores(path: Path) -> SliceScores:
    """Read what `save_scores` wrote."""
    with np.load(path, allow_pickle=False) as file:
        return SliceScores(file["scores"], file["keep"])


def save_labels(path: Path, labels: LabelMap) -> None:
    """Write a label map as gzipped NIfTI-1, uint8, stored (column, row, slice), in mm, with its names in the header.

    The same map gives the same bytes.
    """
    with path.open("wb") as file:
        pack_labels(file, labels)


def pack_labels(file: BinaryIO, labels: LabelMap, level: int = 6) -> None:
    """Write what `save_labels` writes to an open file; `level` is how hard gzip works, 1 to 9."""
    header = nib.Nifti1Header()
    header.set_data_dtype(np.uint8)
    header.set_xyzt_units("mm")
    image = nib.Nifti1Image(labels.data.T, labels.geometry.ras, header)
    image.set_sform(labels.geometry.ras, code=1)
    image.set_qform(labels.geometry.ras, code=1)
    image.update_header()
    _write_names(image.header, labels.organs)
    with gzip.GzipFile("", "wb", level, file, mtime=0) as packed:
        image.header.set_data_offset(352 + image.header.extensions.get_sizeondisk())
        image.header["scl_slope"], image.header["scl_inter"] = 1.0, 0.0
        image.header.write_to(packed)
        for plane in labels.data:  # slice by slice: the last axis of the file varies slowest
            packed.write(np.ascontiguousarray(plane).tobytes())


def _write_names(header: nib.Nifti1Header, organs: Sequence[Organ]) -> None:
    """Put names into the description, or, where they are too long for it, into a header extension."""
    text = to_description(organs)
    if len(text) < _DESCRIPTION_BYTES:
        header["descrip"] = text.encode("ascii")
    else:
        header.extensions.append(nib.nifti1.Nifti1Extension(_CARET, to_xml(organs)))


def load_labels(path: Path) -> LabelMap:
    """Read what `save_labels` wrote.

    Raises a `BadScan` for anything else.
    """
    from shared.imaging.formats import read_scan  # imports pydicom, which no worker needs

    volume = read_scan(path)
    if volume.source != "nifti" or volume.data.dtype != np.uint8:
        raise UnsupportedScan("A label map of a job is a NIfTI file with unsigned 8-bit numbers.")
    return LabelMap(np.ascontiguousarray(volume.data), volume.geometry)
