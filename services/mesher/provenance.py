"""The provenance of a result, which its files carry: models, software and source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version

from shared.arrays import UInt8
from shared.artifacts import Facts, ModelFact
from shared.imaging.confidence import Confidence
from shared.imaging.formats.plan import Origin
from shared.imaging.volume import Modality, SourceFormat

NOTICE = "not for diagnosis"


@dataclass(frozen=True, slots=True)
class Edit:
    """A person's change of the outlines, which made `revision` from the revision `base`.

    `by` is the person's key or subject, as in the audit trail. `kinds` are those of the edits. `changed` has the voxels
    (added, removed) by label id, compared with the base.
    """

    revision: int
    base: int
    by: str
    at: datetime
    kinds: tuple[str, ...] = ()
    changed: Mapping[int, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Provenance:
    """Models as (name, SHA-256), software version, source format, warning codes and seconds of earlier stages.

    `facts` has the version, execution provider and device of each model by its SHA-256. `confidence` is that of the
    segmenter in its own outlines, also where a person has changed them since. `edit` says what a person did
    to the outlines, if one did.
    """

    models: tuple[tuple[str, str], ...] = ()
    software: str = ""
    source: SourceFormat | None = None
    modality: Modality | None = None
    warnings: tuple[str, ...] = ()
    stage_seconds: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, ModelFact] = field(default_factory=dict)
    confidence: Confidence | None = None
    edit: Edit | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """The DICOM series that a job's scan came as, and the time that the DICOM files of its result say.

    Of a revision that a person made, `by_algorithm` are the label ids (slice, row, column) of revision 1.
    """

    job: str
    origin: Origin
    written: datetime = field(default_factory=lambda: datetime.now(UTC))
    revision: int = 1
    by_algorithm: UInt8 | None = None


def provenance_of(facts: Facts | None) -> Provenance:
    """The provenance from the facts of earlier stages; without them (a label map alone) only the software is known."""
    software = f"viscera {version('viscera')}"
    if facts is None:
        return Provenance(software=software)
    return Provenance(
        models=tuple((model.name, model.sha256) for model in facts.models),
        software=software,
        source=facts.source,
        modality=facts.modality,
        warnings=facts.warnings,
        stage_seconds=facts.seconds,
        facts={model.sha256: model for model in facts.models},
        confidence=facts.confidence,
    )
