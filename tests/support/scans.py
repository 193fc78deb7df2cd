"""Writes phantoms as the files that scanners, researchers and the UW-Madison data set leave."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import nibabel as nib
import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from shared.imaging.geometry import Geometry
from shared.imaging.volume import Volume

MR, CT = "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.2"


def rotation(angles: Sequence[float]) -> np.ndarray:
    """The 3x3 rotation by these angles in radians about the first, second and third axis, one after another."""
    turn = np.eye(3)
    for axis, angle in enumerate(angles):
        i, j = (axis + 1) % 3, (axis + 2) % 3
        step = np.eye(3)
        step[i, i] = step[j, j] = np.cos(angle)
        step[i, j], step[j, i] = -np.sin(angle), np.sin(angle)
        turn = turn @ step
    return turn


def small_grid(affine: np.ndarray | None = None, shape: tuple[int, int, int] = (12, 40, 48)) -> Geometry:
    """A coarse grid over the whole phantom abdomen; 7 x 6 x 14 mm along its axes unless an affine is given."""
    if affine is None:
        affine = np.diag([7.0, 6.0, 14.0, 1.0])
    affine = np.array(affine, float)
    centre = (np.array(shape[::-1]) - 1) / 2
    affine[:3, 3] = -affine[:3, :3] @ centre
    return Geometry(shape, affine)


def write_png(folder: Path, volume: Volume, case: str = "case1_day0", first: int = 1) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    _, dy, dx = volume.geometry.spacing
    _, rows, columns = volume.data.shape
    for k, image in enumerate(volume.data):
        name = f"{case}_slice_{k + first:04d}_{columns}_{rows}_{dx:.2f}_{dy:.2f}.png"
        cv2.imwrite(str(folder / name), image)
    return folder


def write_nifti(path: Path, volume: Volume) -> Path:
    nib.save(nib.Nifti1Image(volume.data.T, volume.geometry.ras), path)
    return path


def write_dicom(
    folder: Path,
    volume: Volume,
    syntax: str = ExplicitVRLittleEndian,
    modality: str = "MR",
    slope: float = 1.0,
    intercept: float = 0.0,
    **attributes: object,
) -> Path:
    """One file a slice, named at random and numbered backwards: only positions tell the order."""
    folder.mkdir(parents=True, exist_ok=True)
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    rng = np.random.default_rng(5)
    names = rng.permutation(len(volume.data))
    for k, image in enumerate(volume.data):
        data = _image(volume.geometry, k, np.round((image - intercept) / slope).astype(np.int16), modality)
        data.StudyInstanceUID, data.SeriesInstanceUID, data.FrameOfReferenceUID = study, series, frame
        data.RescaleSlope, data.RescaleIntercept = slope, intercept
        data.InstanceNumber = len(volume.data) - k
        data.SliceThickness = 99.0
        for name, value in attributes.items():
            setattr(data, name, value)
        if syntax != ExplicitVRLittleEndian:
            data.compress(syntax)
        data.save_as(folder / f"IM{names[k]:04d}", enforce_file_format=True)
    return folder


def _image(grid: Geometry, k: int, pixels: np.ndarray, modality: str) -> Dataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CT if modality == "CT" else MR
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    data.PatientName, data.PatientID, data.Modality = "Phantom^Formula", "P0", modality
    _, rows, columns = grid.shape
    _, dy, dx = grid.spacing
    data.Rows, data.Columns = rows, columns
    data.PixelSpacing = [dy, dx]
    data.ImagePositionPatient = [float(f"{v:.6f}") for v in grid.to_patient(np.array([0, 0, k]))]
    axes = grid.affine[:3, :2] / np.array([dx, dy])
    data.ImageOrientationPatient = [float(f"{v:.9f}") for v in axes.T.ravel()]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation = 15, 1
    data.PixelData = pixels.tobytes()
    return data


def write_zip(path: Path, folder: Path, prefix: str = "") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, prefix + file.relative_to(folder).as_posix())
    return path


def write_enhanced(folder: Path, volume: Volume, modality: str = "MR") -> Path:
    """One enhanced multi-frame image of a whole volume, its frames in reverse order."""
    folder.mkdir(parents=True, exist_ok=True)
    _, dy, dx = volume.geometry.spacing
    data = _image(volume.geometry, 0, volume.data[::-1].astype(np.int16), modality)
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = (CT if modality == "CT" else MR) + (".1")
    data.StudyInstanceUID, data.SeriesInstanceUID, data.FrameOfReferenceUID = (generate_uid() for _ in range(3))
    data.NumberOfFrames, data.InstanceNumber = len(volume.data), 1
    measures, orientation, transform, shared = Dataset(), Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [dy, dx], 1.0
    orientation.ImageOrientationPatient = data.ImageOrientationPatient
    transform.RescaleSlope, transform.RescaleIntercept, transform.RescaleType = 1, 0, "US"
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [orientation]
    shared.PixelValueTransformationSequence = [transform]
    data.SharedFunctionalGroupsSequence = [shared]
    frames = []
    for k in reversed(range(len(volume.data))):
        place, frame = Dataset(), Dataset()
        place.ImagePositionPatient = [float(f"{v:.6f}") for v in volume.geometry.to_patient(np.array([0, 0, k]))]
        frame.PlanePositionSequence = [place]
        frames.append(frame)
    data.PerFrameFunctionalGroupsSequence = frames
    for name in ("PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient"):
        delattr(data, name)
    data.save_as(folder / "IM0001", enforce_file_format=True)
    return folder
