"""What a report says: the measurements of `report.json`, what people wrote, and who the patient is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from shared.artifacts import KeyPicture
from shared.ledger.descriptions import Description
from shared.pacs.describe import value

LONGEST = 200
"""Characters of a text from elsewhere, such as a patient's name."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class Warned(_Model):
    """A warning's code and its English sentence."""

    code: str
    detail: str


class OrganFacts(_Model):
    """One organ: volume in mL, areas in cm2. Reports of earlier versions lack what has a default."""

    label: int
    title: str
    colour: tuple[int, int, int] = (160, 160, 160)
    present: bool
    volume_ml: float
    surface_cm2: float
    part_seen: bool = False
    low_confidence_slices: list[int] = []
    border_cm2: float | None = None
    cut_cm2: float | None = None
    warnings: list[Warned] = []


class ModelFacts(_Model):
    """A model that was used."""

    name: str
    sha256: str
    version: str | None = None


class EditFacts(_Model):
    """Who edited the outlines of revision `base`, and when."""

    base: int
    edited_by: str
    edited_at: datetime


class Measurements(_Model):
    """What `report.json` has of a report."""

    revision: int = 1
    edit: EditFacts | None = None
    software: str
    models: list[ModelFacts] = []
    modality: str | None = None
    quality: str
    organs: list[OrganFacts]
    warnings: list[Warned] = []


@dataclass(frozen=True, slots=True)
class Patient:
    """Who the patient is, as the DICOM headers say; each text may be empty."""

    name: str
    id: str
    born: str
    sex: str
    study: str
    accession: str

    @classmethod
    def of(cls, identity: dict[str, Any]) -> Patient:
        """Return the patient of attributes in the DICOM JSON model."""
        keywords = ("PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "AccessionNumber")
        parts = [part for part in str(value(identity, "PatientName") or "").split("^") if part]
        return cls(", ".join(parts)[:LONGEST], *(str(value(identity, word) or "")[:LONGEST] for word in keywords))


@dataclass(frozen=True, slots=True)
class Content:
    """All that a report says. `described` is None where the caller may not see it, and so is `patient`."""

    job: str
    created: datetime
    ended: datetime | None
    measured: Measurements
    pictures: list[KeyPicture]
    described: Description | None = None
    patient: Patient | None = None

    @property
    def reviewed_at(self) -> datetime | None:
        """Return when the review state was chosen; None where nobody did."""
        time = self.described.reviewed_at if self.described else None
        return None if time is None else datetime.fromtimestamp(time, UTC)
