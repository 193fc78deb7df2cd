"""Anatomical structures that segmentation networks label: SNOMED CT codes, titles and colours, by name.

`structures.csv` has names, codes and some colours of `totalsegmentator_snomed_mapping.csv` of TotalSegmentator 2.18
(Apache License 2.0, github.com/wasserth/TotalSegmentator) and codes of the context groups of DICOM PS3.16; its column
`source` says which. Changed here: titles, other colours where neighbours were too alike, and the code of
`gluteus_minimus`, which is that of its left and right.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

ANATOMICAL_STRUCTURE, TISSUE = "123037004", "85756007"
CATEGORIES = {
    ANATOMICAL_STRUCTURE: "Anatomical Structure",
    TISSUE: "Tissue",
    "49755003": "Morphologically Altered Structure",
    "91720002": "Body Substance",
    "260787004": "Physical object",
}
"""Categories of segments (DICOM CID 7150) and their meanings."""
SIDES = {"7771000": "Left", "24028007": "Right", "51440002": "Right and left", "66459002": "Unilateral"}
"""Laterality (DICOM CID 244)."""
_SPELLINGS = {
    "tumour": "tumor",
    "oesophagus": "esophagus",
    "oedema": "edema",
    "haemorrhage": "hemorrhage",
    "coeliac": "celiac",
}
"""British words of names; the table has American ones."""
_LEFT_OR_RIGHT = frozenset({"left", "right"})


@dataclass(frozen=True, slots=True)
class Structure:
    """One structure: SNOMED CT codes (None: none) with the meaning of `snomed`, and colour (sRGB, 0 to 255).

    `modifier` is the side of the region where there is one, otherwise of the structure.
    """

    name: str
    title: str
    snomed: str | None
    meaning: str
    category: str | None
    modifier: str | None
    region: str | None
    colour: tuple[int, int, int]


def find(name: str) -> Structure | None:
    """Return the structure of a name, whatever its case, separators and place of left or right; None: not known."""
    return _BY_KEY.get(_key(name))


def meaning_of(code: str) -> str:
    """Return the meaning of a SNOMED CT code of a structure, region, category or side; for another one its number."""
    return _MEANINGS.get(code, f"SNOMED CT {code}")


def _key(name: str) -> tuple[str, str]:
    """Return the words of a name without left and right, and the side."""
    words = [_SPELLINGS.get(word, word) for word in re.split(r"[^a-z0-9]+", name.lower())]
    sides = [word for word in words if word in _LEFT_OR_RIGHT]
    return "_".join(word for word in words if word and word not in _LEFT_OR_RIGHT), " ".join(sides)


def _rows() -> list[dict[str, str]]:
    with Path(__file__).with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _structure(row: dict[str, str]) -> Structure:
    red, green, blue = bytes.fromhex(row["colour"].removeprefix("#"))
    return Structure(
        name=row["name"],
        title=row["title"],
        snomed=row["snomed"] or None,
        meaning=row["meaning"],
        category=row["category"] or None,
        modifier=row["modifier"] or None,
        region=row["region"] or None,
        colour=(red, green, blue),
    )


_ROWS = _rows()  # at import, because a process that decodes files of users can't open others later
STRUCTURES = tuple(_structure(row) for row in _ROWS)
_BY_KEY = {_key(structure.name): structure for structure in STRUCTURES}
_MEANINGS = (
    {row["region"]: row["region_meaning"] for row in _ROWS if row["region"]}
    | {row["snomed"]: row["meaning"] for row in _ROWS if row["snomed"]}
    | CATEGORIES
    | SIDES
)
