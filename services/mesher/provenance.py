"""Where a result came from: what every file that leaves says of its making."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.volume import Modality, SourceFormat

NOTICE = "not for diagnosis"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Models as (name, SHA-256), the software's version, the source, warning codes and seconds of earlier stages."""

    models: tuple[tuple[str, str], ...] = ()
    software: str = ""
    source: SourceFormat | None = None
    modality: Modality | None = None
    warnings: tuple[str, ...] = ()
    stage_seconds: Mapping[str, float] = field(default_factory=dict)
