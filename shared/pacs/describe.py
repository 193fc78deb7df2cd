"""Turns an instance's metadata into ledger records and searchable attributes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from pydicom.datadict import tag_for_keyword

from shared.ledger.dicom.instances import About, Instance

Json = dict[str, Any]
_UNSTORABLE = re.compile("[\\x00\\ud800-\\udfff]")
STUDY = (
    "StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "StudyDescription", "PatientName",
    "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "PatientAge", "PatientWeight", "PatientSize",
    "StudyInstanceUID", "StudyID", "TimezoneOffsetFromUTC",
)  # fmt: skip
SERIES = (
    "Modality", "SeriesDate", "SeriesTime", "SeriesDescription", "BodyPartExamined", "ProtocolName", "Manufacturer",
    "ManufacturerModelName", "StationName", "SeriesInstanceUID", "SeriesNumber", "Laterality", "FrameOfReferenceUID",
    "PerformedProcedureStepStartDate", "PerformedProcedureStepStartTime", "RequestAttributesSequence",
)  # fmt: skip


def tag(keyword: str) -> str:
    """Return a keyword's tag in the notation of DICOM JSON."""
    return f"{tag_for_keyword(keyword):08X}"


def value(metadata: Json, keyword: str, default: Any = "") -> Any:
    """Return the first value of an attribute; for a person name its alphabetic form."""
    values = metadata.get(tag(keyword), {}).get("Value") or [default]
    return values[0].get("Alphabetic", default) if isinstance(values[0], dict) else values[0]


def pick(metadata: Json, keywords: tuple[str, ...]) -> Json:
    """Return only these attributes."""
    return {tag(name): metadata[tag(name)] for name in keywords if tag(name) in metadata}


def instance(instance_id: str, described: Json, metadata_path: Path, sha256: str, size: int) -> tuple[Instance, About]:
    """Return the ledger records of an instance that the sandbox described; invalid numbers count as 0."""
    metadata: Json = _storable(json.loads(metadata_path.read_text()))
    record = Instance(
        id=instance_id,
        study=described["study"],
        series=described["series"],
        uid=described["instance"],
        sop_class=described["sop_class"],
        syntax=described["syntax"],
        sha256=sha256,
        bytes=size,
        pixel_offset=described["offset"],
        pixel_length=described["length"],
        number=_whole(value(metadata, "InstanceNumber", 0), 2**31 - 1),
        rows=_whole(value(metadata, "Rows", 0)),
        columns=_whole(value(metadata, "Columns", 0)),
        frames=_whole(value(metadata, "NumberOfFrames", 1)) if tag("Rows") in metadata else 0,
        image_type="\\".join(str(v) for v in metadata.get(tag("ImageType"), {}).get("Value", []))[:128],
    )
    about = About(
        study=pick(metadata, STUDY),
        series=pick(metadata, SERIES),
        modality=str(value(metadata, "Modality"))[:16],
        patient_id=str(value(metadata, "PatientID"))[:64],
        patient_name=str(value(metadata, "PatientName")).upper()[:256],
        accession=str(value(metadata, "AccessionNumber"))[:64],
        study_date=str(value(metadata, "StudyDate"))[:8],
    )
    return record, about


def _storable(content: Any) -> Any:
    """Return JSON without the characters that a ledger can't store: NUL and halves of surrogate pairs."""
    if isinstance(content, str):
        return _UNSTORABLE.sub("", content)
    if isinstance(content, list):
        return [_storable(item) for item in content]
    if isinstance(content, dict):
        return {key: _storable(item) for key, item in content.items()}
    return content


def _whole(number: Any, bound: int = 2**24) -> int:
    try:
        return max(min(int(number), bound), -bound)
    except (TypeError, ValueError, OverflowError):
        return 0
