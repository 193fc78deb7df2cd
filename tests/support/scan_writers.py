"""Writers of the small synthetic scans of `scan_cases`."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import nibabel as nib
import numpy as np
from pydicom import dcmread, dcmwrite, uid
from pydicom.dataset import Dataset, FileMetaDataset

CT, MR = uid.CTImageStorage, uid.MRImageStorage
AFFINE = np.array([[-0.7, 0, 0, 10], [0, -0.8, 0, 20], [0, 0, 3.0, 100], [0, 0, 0, 1]])


def ramp(slices: int = 12, rows: int = 24, columns: int = 20) -> np.ndarray:
    """Stored values that differ along every line: 100 + 10 slice + 3 row + column."""
    z, y, x = np.mgrid[:slices, :rows, :columns]
    return (100 + 10 * z + 3 * y + x).astype(np.int32)


def instance(pixels: np.ndarray, number: int, z: float, series_uid: str, **more: Any) -> Dataset:
    """One axial slice; keyword arguments overrule attributes, None removes one."""
    data = Dataset()
    data.SOPClassUID, data.SOPInstanceUID, data.Modality = more.pop("sop", CT), uid.generate_uid(), "CT"
    data.StudyInstanceUID, data.SeriesInstanceUID, data.FrameOfReferenceUID = "1.2.3", series_uid, "1.2.4"
    data.Rows, data.Columns, data.SamplesPerPixel, data.PhotometricInterpretation = *pixels.shape, 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 0
    data.PixelSpacing, data.ImageOrientationPatient = ["0.8", "0.7"], ["1", "0", "0", "0", "1", "0"]
    data.ImagePositionPatient = ["-10", "-20", f"{z:.4f}"]
    data.RescaleSlope, data.RescaleIntercept = "1", "-1024"
    data.InstanceNumber = number + 1
    data.PixelData = (pixels.astype(np.int64) & 0xFFFF).astype("<u2").tobytes()
    for name, value in more.items():
        if value is None:
            delattr(data, name)
        else:
            setattr(data, name, value)
    return data


def save(data: Dataset, path: Path, syntax: str = uid.ExplicitVRLittleEndian, preamble: bool = True) -> None:
    """Write a data set as a DICOM file."""
    data.file_meta = FileMetaDataset()
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.file_meta.TransferSyntaxUID, data.preamble = syntax, b"\0" * 128
    path.parent.mkdir(parents=True, exist_ok=True)
    dcmwrite(path, data, enforce_file_format=True)
    if not preamble:
        path.write_bytes(path.read_bytes()[132:])


def series(
    out: Path, pixels: np.ndarray | None = None, places: list[float] | None = None, prefix: str = "s",
    series_uid: str | None = None, **more: Any,
) -> str:  # fmt: skip
    """Write a series of axial slices, 3 mm apart unless `places` says where; return its UID."""
    pixels = ramp() if pixels is None else pixels
    series_uid = uid.generate_uid() if series_uid is None else series_uid
    places = [3.0 * k for k in range(len(pixels))] if places is None else places
    for number, (image, z) in enumerate(zip(pixels, places, strict=True)):
        save(instance(image, number, z, series_uid, **dict(more)), out / f"{prefix}{number:03d}.dcm")
    return series_uid


def own_frames(out: Path) -> None:
    """A series whose anonymiser gave each slice a new Frame of Reference UID."""
    series(out)
    for path in sorted(out.iterdir()):
        data = dcmread(path)
        data.FrameOfReferenceUID = uid.generate_uid()
        data.save_as(path)


def mr(**more: Any) -> dict[str, Any]:
    """Attributes of an MR slice."""
    return {"sop": MR, "Modality": "MR", "RescaleSlope": None, "RescaleIntercept": None, **more}


def two_volumes(first: dict[str, Any], second: dict[str, Any], apart: float) -> Callable[[Path], None]:
    """Two volumes in one series, `apart` mm from each other."""

    def write(out: Path) -> None:
        same = series(out, **first)
        series(out, ramp() + 500, [3.0 * k + apart for k in range(12)], "t", same, **second)

    return write


def beside(**more: Any) -> Callable[[Path], None]:
    """A CT and one other object in the same folder."""

    def write(out: Path) -> None:
        series(out)
        save(instance(np.zeros((64, 64)), 0, 0.0, uid.generate_uid(), **more), out / "other.dcm")

    return write


def localiser_within(out: Path) -> None:
    """A CT with a sagittal localiser in the same series."""
    series_uid = series(out)
    sagittal = {"ImageOrientationPatient": ["0", "1", "0", "0", "0", "-1"]}
    save(instance(np.zeros((64, 64)), 99, 0.0, series_uid, **sagittal), out / "other.dcm")


def twice(out: Path) -> None:
    """A CT whose files are there twice."""
    series(out)
    for path in list(out.iterdir()):
        (out / f"copy of {path.name}").write_bytes(path.read_bytes())


def half_without_preamble(out: Path) -> None:
    """A CT whose last slices are bare data sets in Implicit VR Little Endian."""
    series_uid = uid.generate_uid()
    for number, image in enumerate(ramp()):
        data, path = instance(image, number, 3.0 * number, series_uid), out / f"s{number:03d}.dcm"
        if number < 6:
            save(data, path)
        else:
            dcmwrite(path, data, implicit_vr=True, little_endian=True)


def without_preamble(out: Path) -> None:
    """A CT with file meta information and without the preamble."""
    series_uid = uid.generate_uid()
    for number, image in enumerate(ramp()):
        save(instance(image, number, 3.0 * number, series_uid), out / f"s{number:03d}.dcm", preamble=False)


def comma(out: Path) -> None:
    """Pixel Spacing with decimal commas, in the VR of a text."""
    series(out)
    for path in out.iterdir():
        raw = path.read_bytes()
        at = raw.index(b"\x28\x00\x30\x00DS")
        path.write_bytes(raw[: at + 4] + b"LO" + raw[at + 6 :].replace(b"0.8\\0.7 ", b"0,8\\0,7 ", 1))


def without_syntax(out: Path) -> None:
    """File meta information that does not name the transfer syntax."""
    series(out)
    for path in out.iterdir():
        raw = path.read_bytes()
        at = raw.index(b"\x02\x00\x10\x00UI")
        length = 8 + int.from_bytes(raw[at + 6 : at + 8], "little")
        size = int.from_bytes(raw[140:144], "little") - length
        path.write_bytes(raw[:140] + size.to_bytes(4, "little") + raw[144:at] + raw[at + length :])


def private_syntax(out: Path) -> None:
    """A transfer syntax that nobody else knows."""
    series_uid = uid.generate_uid()
    for number, image in enumerate(ramp()):
        save(instance(image, number, 3.0 * number, series_uid), out / f"s{number:03d}.dcm")
    for path in out.iterdir():
        path.write_bytes(path.read_bytes().replace(b"1.2.840.10008.1.2.1\0", b"1.3.46.670589.99.1\0\0", 1))


def table(out: Path) -> None:
    """CT with a Modality LUT Sequence in the place of slope and intercept."""
    item = Dataset()
    item.LUTDescriptor, item.ModalityLUTType = [512, 0, 16], "HU"
    item.LUTData = np.arange(0, 1024, 2, dtype="<u2").tobytes()
    series(out, RescaleSlope=None, RescaleIntercept=None, ModalityLUTSequence=[item])


def padded(out: Path) -> None:
    """Padding outside the reconstruction circle, -2000 in unsigned pixels."""
    pixels = ramp()
    pixels[:, :4] = -2000
    series(out, pixels, PixelPaddingValue=63536)


def padded_range(out: Path) -> None:
    """MR with a range of padding values."""
    pixels = ramp()
    pixels[:, :4] = 3
    pixels[:, 4:6] = 5
    series(out, pixels, **mr(PixelPaddingValue=0, PixelPaddingRangeLimit=9))


def nifti(out: Path, data: np.ndarray, patch: Callable[[bytearray], None] = lambda _: None, **more: Any) -> None:
    """Write scan.nii; `patch` changes its bytes."""
    image = nib.Nifti1Image(data, more.pop("affine", AFFINE))
    image.set_qform(AFFINE, more.pop("qform", 1))
    image.set_sform(AFFINE, more.pop("sform", 1))
    image.header.set_xyzt_units("mm")
    if "scale" in more:
        image.header.set_slope_inter(*more.pop("scale"))
    content = bytearray(image.to_bytes())
    patch(content)
    (out / "scan.nii").write_bytes(bytes(content))


def voxels(dtype: Any = np.int16) -> np.ndarray:
    """The ramp as (column, row, slice)."""
    return ramp().T.astype(dtype)


def floats(offset: int, *values: float) -> Callable[[bytearray], None]:
    """Put float32 numbers at an offset of the header."""

    def patch(content: bytearray) -> None:
        raw = np.array(values, "<f4").tobytes()
        content[offset : offset + len(raw)] = raw

    return patch


def no_offset(content: bytearray) -> None:
    """Set vox_offset to 0."""
    content[108:112] = b"\0\0\0\0"


def metres(content: bytearray) -> None:
    """Set the unit of length to metres."""
    content[123] = 1


def extension(out: Path) -> None:
    """A header extension of 20,000 bytes, as AFNI and FreeSurfer write them."""
    image = nib.Nifti1Image(voxels(), AFFINE)
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"x" * 20_000))
    image.to_filename(out / "scan.nii.gz")


def two_gzip_members(out: Path) -> None:
    """A gzip of two members, the header alone in the first."""
    nifti(out, voxels())
    raw = (out / "scan.nii").read_bytes()
    (out / "scan.nii").unlink()
    (out / "scan.nii.gz").write_bytes(gzip.compress(raw[:348]) + gzip.compress(raw[348:]))


def pair(kind: Any) -> Callable[[Path], None]:
    """A .hdr with its .img."""
    return lambda out: nib.save(kind(voxels(), AFFINE), out / "scan.hdr")


def nrrd(out: Path) -> None:
    """An NRRD as 3D Slicer writes it."""
    lines = (
        "NRRD0004", "type: int16", "dimension: 3", "sizes: 20 24 12", "encoding: raw", "endian: little",
        "space: left-posterior-superior", "space directions: (0.7,0,0) (0,0.8,0) (0,0,3)", "space origin: (0,0,0)",
    )  # fmt: skip
    (out / "scan.nrrd").write_bytes(("\n".join(lines) + "\n\n").encode() + ramp().astype("<i2").tobytes())


def text(name: str, content: bytes) -> Callable[[Path], object]:
    """One file with these bytes."""
    return lambda out: (out / name).write_bytes(content + b"\0" * 600)


def tar_gz(out: Path) -> None:
    """A gzipped tar of a CT."""
    with tarfile.open(out / "scan.tar.gz", "w:gz") as archive:
        for number, image in enumerate(ramp()):
            buffer = io.BytesIO()
            data = instance(image, number, 3.0 * number, "1.2.9")
            data.file_meta = FileMetaDataset()
            data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
            data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
            data.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
            dcmwrite(buffer, data, enforce_file_format=True)
            info = tarfile.TarInfo(f"ct/s{number:03d}.dcm")
            info.size = len(buffer.getvalue())
            archive.addfile(info, io.BytesIO(buffer.getvalue()))


def nested(out: Path) -> None:
    """A zip within a zip."""
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("scan.nii", b"nothing")
    with zipfile.ZipFile(out / "scan.zip", "w") as archive:
        archive.writestr("study.zip", inner.getvalue())


def deflate64(out: Path) -> None:
    """A zip whose method is Deflate64, as Windows writes large ones."""
    with zipfile.ZipFile(out / "scan.zip", "w") as archive:
        archive.writestr("scan.nii", b"nothing")
    raw = bytearray((out / "scan.zip").read_bytes())
    raw[8], raw[raw.index(b"PK\x01\x02") + 10] = 9, 9
    (out / "scan.zip").write_bytes(raw)


def png(*names: str) -> Callable[[Path], None]:
    """A stack of PNG slices of 20 x 24 pixels with these names."""

    def write(out: Path) -> None:
        for name, image in zip(names, ramp(), strict=False):
            path = out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(cv2.imencode(".png", image.astype(np.uint8))[1].tobytes())

    return write


def beside_scans(out: Path) -> None:
    """Slices in `scans/`, and others beside it."""
    png(*(f"scans/slice_{n:04d}_20_24_1.50_1.50.png" for n in range(12)))(out)
    png(*(f"later/slice_{n:04d}_20_24_1.50_1.50.png" for n in range(12)))(out)
