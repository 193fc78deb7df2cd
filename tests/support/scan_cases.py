"""Every kind of scan that is read, read with a warning, or refused, and what each must give.

`python -m tests.support.scan_cases` prints the table of docs/scans.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from pydicom import uid

from tests.support.scan_writers import (
    AFFINE,
    beside,
    beside_scans,
    comma,
    deflate64,
    extension,
    floats,
    half_without_preamble,
    localiser_within,
    metres,
    mr,
    nested,
    nifti,
    no_offset,
    nrrd,
    own_frames,
    padded,
    padded_range,
    pair,
    png,
    private_syntax,
    ramp,
    series,
    table,
    tar_gz,
    text,
    twice,
    two_gzip_members,
    two_volumes,
    voxels,
    without_preamble,
    without_syntax,
)

GUESSED = "modality_guessed"


@dataclass(frozen=True)
class Case:
    """An input: how it is written, and the warnings it is read with or the code it is refused with.

    `low`, `high` are the least and the largest value that the decoded volume must have; `says` is in the refusal.
    """

    group: str
    name: str
    write: Callable[[Path], object]
    warnings: tuple[str, ...] = ()
    code: str = ""
    says: str = ""
    modality: str = "CT"
    slices: int = 12
    low: float | None = None
    high: float | None = None
    file: str = ""


HU = {"low": -924.0, "high": -726.0}
SPLIT = "Send the slices of one value only."
CASES = [
    Case("DICOM", "a CT series", series, **HU),
    Case("DICOM", "a CT whose Modality is empty", lambda out: series(out, Modality=""), **HU),
    Case("DICOM", "files without preamble", without_preamble, **HU),
    Case("DICOM", "data sets without preamble and meta information beside others", half_without_preamble, **HU),
    Case("DICOM", "identical instances twice", twice, **HU),
    Case(
        "DICOM",
        "positions rounded to one decimal",
        lambda out: series(out, ramp(40), [round(1.25 * k, 1) for k in range(40)]),
        slices=40,
    ),
    Case("DICOM", "Pixel Spacing with decimal commas, VR of a text", comma, **HU),
    Case(
        "DICOM",
        "segmentation beside the images",
        beside(sop=uid.SegmentationStorage, Modality="SEG"),
        ("objects_skipped",),
        **HU,
    ),
    Case(
        "DICOM",
        "RT Dose beside the images",
        beside(sop=uid.RTDoseStorage, Modality="RTDOSE"),
        ("objects_skipped",),
        **HU,
    ),
    Case(
        "DICOM",
        "Secondary Capture beside the images",
        beside(sop=uid.SecondaryCaptureImageStorage, Modality="OT"),
        ("objects_skipped",),
        **HU,
    ),
    Case("DICOM", "a scout series beside the images", beside(), ("objects_skipped",), **HU),
    Case("DICOM", "a localiser in the series", localiser_within, ("objects_skipped",), **HU),
    Case(
        "DICOM",
        "each slice in a frame of reference of its own",
        own_frames,
        ("own_frames_of_reference",),
        **HU,
    ),
    Case(
        "DICOM",
        "two echoes, slices alternate",
        two_volumes(mr(EchoTime="10"), mr(EchoTime="80"), 1.5),
        code="mixed_series",
        says="Echo Time (10, 80)",
    ),
    Case(
        "DICOM",
        "two acquisitions, slices alternate",
        two_volumes({"AcquisitionNumber": 1}, {"AcquisitionNumber": 2}, 1.5),
        code="mixed_series",
        says="Acquisition Number (1, 2)",
    ),
    Case(
        "DICOM",
        "two patients whose identifiers were emptied",
        two_volumes({"series_uid": ""}, {"FrameOfReferenceUID": "1.2.99"}, 1.5),
        code="mixed_series",
        says="Frame of Reference UID",
    ),
    Case(
        "DICOM",
        "two echoes at the same places",
        two_volumes(mr(EchoTime="10"), mr(EchoTime="80"), 0.0),
        code="mixed_series",
        says="Echo Time (10, 80)",
    ),
    Case(
        "DICOM",
        "b-values at the same places",
        two_volumes(mr(DiffusionBValue=0.0), mr(DiffusionBValue=800.0), 0.0),
        code="mixed_series",
        says="Diffusion b-value",
    ),
    Case(
        "DICOM",
        "points in time at the same places",
        two_volumes(mr(TemporalPositionIdentifier=1), mr(TemporalPositionIdentifier=2), 0.0),
        code="mixed_series",
        says="Temporal Position Identifier (1, 2)",
    ),
    Case(
        "DICOM",
        "magnitude and phase at the same places",
        two_volumes(mr(ImageType=["ORIGINAL", "PRIMARY", "M"]), mr(ImageType=["ORIGINAL", "PRIMARY", "P"]), 0.0),
        code="mixed_series",
        says="Image Type",
    ),
    Case(
        "DICOM",
        "two volumes at the same places that no attribute tells apart",
        two_volumes({}, {}, 0.0),
        code="bad_geometry",
        says="send one volume",
    ),
    Case(
        "DICOM",
        "a Siemens mosaic",
        lambda out: series(out, **mr(ImageType=["ORIGINAL", "PRIMARY", "M", "MOSAIC"])),
        code="unsupported_scan",
        says="mosaic",
    ),
    Case("DICOM", "CT with a Modality LUT Sequence", table, low=200.0, high=596.0),
    Case(
        "DICOM",
        "CT without rescale slope",
        lambda out: series(out, RescaleSlope=None, RescaleIntercept=None),
        ("not_hounsfield",),
    ),
    Case("DICOM", "CT of another Rescale Type", lambda out: series(out, RescaleType="Z_EFF"), ("not_hounsfield",)),
    Case("DICOM", "CT with padding in unsigned pixels", padded, low=-1000.0, high=-726.0),
    Case("DICOM", "MR with a range of padding", padded_range, modality="MR", low=118.0, high=298.0),
    Case(
        "DICOM",
        "MONOCHROME1",
        lambda out: series(out, **mr(PhotometricInterpretation="MONOCHROME1")),
        modality="MR",
        low=65535 - 298.0,
        high=65535 - 100.0,
    ),
    Case(
        "DICOM",
        "MONOCHROME1, signed",
        lambda out: series(out, **mr(PhotometricInterpretation="MONOCHROME1", PixelRepresentation=1)),
        modality="MR",
        low=-299.0,
        high=-101.0,
    ),
    Case("DICOM", "no Transfer Syntax UID", without_syntax, code="corrupt_scan", says="Transfer Syntax"),
    Case("DICOM", "a private transfer syntax", private_syntax, code="unsupported_scan", says="private transfer syntax"),
    Case("DICOM", "no Bits Stored", lambda out: series(out, BitsStored=None), code="corrupt_scan", says="Bits Stored"),
    Case(
        "DICOM", "pixels of 10 mm", lambda out: series(out, PixelSpacing=["10", "10"]), code="bad_geometry", says="unit"
    ),
    Case("NIfTI", "int16", lambda out: nifti(out, voxels()), (GUESSED,), modality="MR", low=100.0, high=298.0),
    Case("NIfTI", "a header extension of 20,000 bytes", extension, (GUESSED,), modality="MR", low=100.0, high=298.0),
    Case(
        "NIfTI",
        "scaled int16",
        lambda out: nifti(out, voxels(), scale=(2.0, -1200.0)),
        (GUESSED,),
        low=-1000.0,
        high=-604.0,
    ),
    Case(
        "NIfTI",
        "vox_offset 0",
        lambda out: nifti(out, voxels(), no_offset),
        (GUESSED,),
        modality="MR",
        low=100.0,
        high=298.0,
    ),
    Case(
        "NIfTI",
        "pixdim 0 and a good sform",
        lambda out: nifti(out, voxels(), floats(80, 0.0, 0.0, 0.0)),
        (GUESSED,),
        modality="MR",
    ),
    Case(
        "NIfTI",
        "pixdim negative and a good sform",
        lambda out: nifti(out, voxels(), floats(80, -0.7, -0.8, -3.0)),
        (GUESSED,),
        modality="MR",
    ),
    Case(
        "NIfTI",
        "pixdim against the sform",
        lambda out: nifti(out, voxels(), floats(80, 2.0, 2.0, 2.0)),
        ("spacing_conflict", GUESSED),
        modality="MR",
    ),
    Case(
        "NIfTI",
        "no qform and no sform",
        lambda out: nifti(out, voxels(), qform=0, sform=0),
        ("orientation_unknown", GUESSED),
        modality="MR",
    ),
    Case(
        "NIfTI",
        "a slope without intercept",
        lambda out: nifti(out, voxels(), floats(112, 2.0, float("nan"))),
        ("scaling_unclear", GUESSED),
        modality="MR",
        low=200.0,
    ),
    Case("NIfTI", "two gzip members", two_gzip_members, (GUESSED,), modality="MR", low=100.0, high=298.0),
    Case(
        "NIfTI", "four dimensions, one volume", lambda out: nifti(out, voxels()[..., None]), (GUESSED,), modality="MR"
    ),
    Case(
        "NIfTI",
        "several volumes",
        lambda out: nifti(out, np.stack([voxels()] * 3, -1)),
        code="unsupported_scan",
        says="3 volumes",
    ),
    Case("NIfTI", "a pair of .hdr and .img", pair(nib.Nifti1Pair), (GUESSED,), modality="MR", low=100.0, high=298.0),
    Case(
        "NIfTI",
        "a .hdr without its .img",
        lambda out: (pair(nib.Nifti1Pair)(out), (out / "scan.img").unlink()),
        code="corrupt_scan",
        says="send both",
    ),
    Case("NIfTI", "units of metres", lambda out: nifti(out, voxels(), metres), code="bad_geometry", says="unit"),
    Case(
        "Other",
        "Analyze 7.5",
        pair(nib.AnalyzeImage),
        ("orientation_unknown", GUESSED),
        modality="MR",
        low=100.0,
        high=298.0,
    ),
    Case(
        "Other",
        "MGH, MGZ",
        lambda out: nib.save(nib.MGHImage(voxels(), AFFINE), out / "scan.mgz"),
        (GUESSED,),
        modality="MR",
        low=100.0,
        high=298.0,
    ),
    Case("Other", "NRRD", nrrd, (GUESSED,), modality="MR", low=100.0, high=298.0),
    Case("Other", "tar.gz", tar_gz, file="scan.tar.gz", **HU),
    Case(
        "Other",
        "MetaImage (MHA, MHD)",
        text("scan.mha", b"ObjectType = Image\nNDims = 3\n"),
        code="not_a_scan",
        says="MetaImage",
    ),
    Case("Other", "a zip within a zip", nested, code="not_a_scan", says="zip within", file="scan.zip"),
    Case("Other", "a zip with Deflate64", deflate64, code="unsupported_scan", says="Deflate64", file="scan.zip"),
    Case("Other", "7z", text("scan.7z", b"7z\xbc\xaf\x27\x1c"), code="not_a_scan", says="7z"),
    Case("Other", "RAR", text("scan.rar", b"Rar!\x1a\x07\x00"), code="not_a_scan", says="RAR"),
    Case("Other", "JPEG, TIFF, PDF", text("scan.jpg", b"\xff\xd8\xff\xe0"), code="not_a_scan", says="JPEG"),
    Case(
        "PNG",
        "slices named with their pixel size",
        png(*(f"slice_{n:04d}_20_24_1.50_1.50.png" for n in range(12))),
        (GUESSED,),
        modality="MR",
    ),
    Case(
        "PNG",
        "names with decimal commas",
        png(*(f"slice_{n:04d}_20_24_1,50_1,50.png" for n in range(12))),
        (GUESSED,),
        modality="MR",
    ),
    Case(
        "PNG",
        "a second download of a slice",
        png("slice_0001_20_24_1.50_1.50.png", "slice_0001_20_24_1.50_1.50 (1).png", "slice_0002_20_24_1.50_1.50.png"),
        code="bad_geometry",
        says="second download",
    ),
    Case("PNG", "slices beside a scans/ folder", beside_scans, (GUESSED, "files_skipped"), modality="MR"),
]


def rows() -> Iterator[str]:
    """Yield the lines of the table in docs/scans.md."""
    yield "| format | input | result | warnings |"
    yield "|---|---|---|---|"
    for case in CASES:
        result = f"refused: `{case.code}`" if case.code else "read"
        yield f"| {case.group} | {case.name} | {result} | {', '.join(f'`{code}`' for code in case.warnings)} |"


if __name__ == "__main__":
    print("\n".join(rows()))  # noqa: T201 - the table itself
