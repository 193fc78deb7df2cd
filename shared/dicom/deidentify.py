"""De-identifies DICOM after the Basic Application Level Confidentiality Profile (PS3.15 Annex E), from its table.

Where the table leaves a choice (such as X/Z/D, which depends on the IOD), the value is replaced by a dummy or emptied,
which every IOD allows. UIDs are replaced by a keyed hash: the same within one export, unrelated to any other.
"""

from __future__ import annotations

import hashlib
import hmac
from functools import cache
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag
from pydicom.uid import UID

from shared.errors import Unprocessable

_UNCHANGED = "1.2.840.10008."
"""UIDs that DICOM itself defines; they name no instance."""
_TEXTS = {"PN": "ANONYMOUS", "DA": "19000101", "TM": "000000", "DT": "19000101000000", "AS": "000Y", "UI": "2.25.0"}
_NUMBERS = {"DS", "IS", "FL", "FD", "SL", "SS", "SV", "UL", "US", "UV", "AT"}
_BYTES = {"OB", "OD", "OF", "OL", "OV", "OW", "UN"}


@cache
def table() -> dict[str, str]:
    """Return the actions by tag: eight hexadecimal digits, x for any digit."""
    lines = Path(__file__).with_name("profile.csv").read_text().splitlines()
    return dict(line.split(",")[:2] for line in lines if not line.startswith("#"))


def action(tag: BaseTag) -> str | None:
    """Return the profile's action for an attribute: remove for private ones, None (keep) for those it does not name."""
    if tag.is_private:
        return "X"
    text, rules = f"{tag:08X}", table()
    wild = text[:2] + "xx" + text[4:], text[:2] + "xxxxxx"
    return next((rules[key] for key in (text, *wild) if key in rules), None)


def deidentify(dataset: Dataset, secret: bytes) -> None:
    """Apply the profile in place.

    Raises Unprocessable where names may be burned into the pixels.
    """
    if str(dataset.get("BurnedInAnnotation", "")).strip().upper() == "YES":
        raise Unprocessable("Burned-in annotations may name the patient: it is not exported.", "burned_in_annotation")
    _apply(dataset, secret)
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = "DICOM PS3.15 Basic Application Level Confidentiality Profile"
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = "113100", "DCM"
    code.CodeMeaning = "Basic Application Confidentiality Profile"
    dataset.DeidentificationMethodCodeSequence = [code]
    dataset.LongitudinalTemporalInformationModified = "REMOVED"


def deidentify_file(source: Path, target: Path, secret: bytes) -> None:
    """Write a de-identified copy of a DICOM file, with a new preamble and new meta information."""
    dataset = pydicom.dcmread(source)
    syntax = dataset.file_meta.TransferSyntaxUID
    deidentify(dataset, secret)
    meta = pydicom.dataset.FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = syntax, dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta, dataset.preamble = meta, b"\0" * 128
    dataset.save_as(target, enforce_file_format=True)


def replaced_uid(uid: str, secret: bytes) -> str:
    """Return the UID that replaces another within one export."""
    if not uid or uid.startswith(_UNCHANGED):
        return uid
    digest = hmac.new(secret, uid.encode(), hashlib.sha256).digest()[:16]
    return f"2.25.{int.from_bytes(digest, 'big') or 1}"


def _apply(dataset: Dataset, secret: bytes) -> None:
    for tag in list(dataset.keys()):
        what = action(tag)
        if what == "X":
            del dataset[tag]
            continue
        element = dataset[tag]
        if element.VR == "SQ" and what != "Z":
            for item in element.value:
                _apply(item, secret)
        elif what in ("Z", "X/Z"):
            dataset[tag] = pydicom.DataElement(tag, element.VR, [] if element.VR == "SQ" else None)
        elif what in ("U", "X/Z/U*"):
            _replace_uids(element, secret)
        elif what is not None:
            dataset[tag] = pydicom.DataElement(tag, element.VR, dummy(element.VR))


def _replace_uids(element: pydicom.DataElement, secret: bytes) -> None:
    values = element.value if isinstance(element.value, (list, pydicom.multival.MultiValue)) else [element.value]
    replaced = [UID(replaced_uid(str(value or ""), secret)) for value in values]
    element.value = replaced if len(replaced) > 1 else replaced[0]


def dummy(vr: str) -> Any:
    """Return a value of this VR that identifies nobody."""
    if vr in _NUMBERS:
        return "0" if vr in ("DS", "IS") else 0
    if vr in _BYTES:
        return b"\0\0"
    return _TEXTS.get(vr, "ANONYMIZED")
