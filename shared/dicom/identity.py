"""Patient and study attributes of a result, copied from its source when the result is downloaded.

Results are written and stored without personal data. `complete` copies the patient and study attributes from the sealed
original at download (PS3.3 C.7.1.1, C.7.2.1, C.7.2.2).
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
    """Return the attributes that a result copies from a data set, in the DICOM JSON model."""
    tags = {f"{pydicom.datadict.tag_for_keyword(name):08X}" for name in TAGS}
    return {tag: element for tag, element in metadata.items() if tag in tags}


def complete(template: bytes, identity: Json) -> bytes:
    """Return a result as a DICOM file with patient and study attributes; the same input gives the same bytes."""
    dataset = pydicom.dcmread(io.BytesIO(template))
    for name in _REQUIRED:
        setattr(dataset, name, "")
    for element in pydicom.Dataset.from_json(identity):
        dataset[element.tag] = element
    dataset.SpecificCharacterSet = "ISO_IR 192"
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
