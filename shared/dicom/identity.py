"""Whom and which study a result belongs to: the attributes it takes over from its source when it leaves.

Results are made and kept without anything personal. `complete` fills the patient and study attributes in from the
sealed original at the moment a result is handed out (PS3.3 C.7.1.1, C.7.2.1, C.7.2.2).
"""

from __future__ import annotations

import io
from typing import Any

import pydicom

TAGS = (
    "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "OtherPatientIDs", "EthnicGroup",
    "PatientComments", "StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "StudyID",
    "StudyDescription", "PatientAge", "PatientSize", "PatientWeight", "PatientIdentityRemoved",
    "DeidentificationMethod", "DeidentificationMethodCodeSequence", "IssuerOfAccessionNumberSequence",
)  # fmt: skip
_REQUIRED = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "AccessionNumber",
    "ReferringPhysicianName", "StudyID",
)  # fmt: skip
Json = dict[str, Any]


def identity_of(metadata: Json) -> Json:
    """Of a data set in the DICOM JSON model, the attributes that a result takes over."""
    wanted = {f"{pydicom.datadict.tag_for_keyword(name):08X}" for name in TAGS}
    return {tag: element for tag, element in metadata.items() if tag in wanted}


def complete(template: bytes, identity: Json) -> bytes:
    """A result as a DICOM file with its patient and study filled in; the same bytes for the same input."""
    dataset = pydicom.dcmread(io.BytesIO(template))
    for name in _REQUIRED:
        setattr(dataset, name, "")
    for element in pydicom.Dataset.from_json(identity):
        dataset[element.tag] = element
    dataset.SpecificCharacterSet = "ISO_IR 192"
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
