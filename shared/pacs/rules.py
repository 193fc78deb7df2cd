"""Rules that choose a model for a series from a PACS, whose users can't type options. They are in a TOML file.

[[rule]]
modality = "CT"
body_part = "ABDOMEN"          # of BodyPartExamined; * and ? stand for any letters
description = "*liver*"        # of SeriesDescription
model = "liver"                # NAME or NAME@VERSION

The first rule that matches counts. What a rule leaves out matches everything, and upper and lower case are the same.
"""

from __future__ import annotations

import tomllib
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.errors import VisceraError
from shared.pacs.describe import value


class BadRules(VisceraError):
    """The file of rules is missing or not valid."""

    code = "bad_model_rules"


class Rule(BaseModel):
    """One rule: patterns of a series' attributes, and the model that such a series gets."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    modality: str = "*"
    body_part: str = "*"
    description: str = "*"
    model: str = Field(min_length=1)

    def matches(self, attributes: dict[str, Any]) -> bool:
        """Return whether a series with these attributes (DICOM JSON) matches."""
        patterns = {
            "Modality": self.modality,
            "BodyPartExamined": self.body_part,
            "SeriesDescription": self.description,
        }
        return all(
            fnmatchcase(str(value(attributes, keyword)).casefold(), pattern.casefold())
            for keyword, pattern in patterns.items()
        )


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rule: tuple[Rule, ...] = ()


def load(path: Path | None) -> tuple[Rule, ...]:
    """Return the rules of a file, none without a file; it is read again when it has changed.

    Raises BadRules.
    """
    if path is None:
        return ()
    try:
        return _read(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise BadRules(f"The file of model rules can't be read: {error.strerror}.") from error


@lru_cache(maxsize=2)
def _read(path: Path, _changed: int) -> tuple[Rule, ...]:
    try:
        return _File.model_validate(tomllib.loads(path.read_text())).rule
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadRules(f"The file of model rules is not TOML: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadRules(f"The file of model rules is not valid at {place}: {first['msg']}.") from error


def choose(rules: tuple[Rule, ...], attributes: dict[str, Any]) -> str | None:
    """Return the model of the first rule that a series with these attributes (DICOM JSON) matches, or None."""
    return next((rule.model for rule in rules if rule.matches(attributes)), None)
