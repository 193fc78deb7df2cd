"""The parts of the organs of the body by formula, and the organs around them."""

from __future__ import annotations

from dataclasses import dataclass

from shared.imaging.volume import LARGE_BOWEL, SMALL_BOWEL, STOMACH, Organ


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an organ: its id in the part map, node name, display name and organ id."""

    id: int
    name: str
    title: str
    organ: int


_NAMES = {
    STOMACH.id: (
        ("fundus", "Fundus of stomach"),
        ("body_of_stomach", "Body of stomach"),
        ("antrum", "Antrum"),
        ("pylorus", "Pylorus"),
    ),
    SMALL_BOWEL.id: (("duodenum", "Duodenum"), ("jejunum", "Jejunum"), ("ileum", "Ileum")),
    LARGE_BOWEL.id: (
        ("caecum", "Caecum"),
        ("appendix", "Appendix"),
        ("ascending_colon", "Ascending colon"),
        ("right_colic_flexure", "Right colic flexure"),
        ("transverse_colon", "Transverse colon"),
        ("left_colic_flexure", "Left colic flexure"),
        ("descending_colon", "Descending colon"),
        ("sigmoid_colon", "Sigmoid colon"),
        ("rectum", "Rectum"),
    ),
}
PARTS = tuple(
    Part(10 * organ + number, name, title, organ)
    for organ, names in _NAMES.items()
    for number, (name, title) in enumerate(names, start=1)
)
PART_ID = {part.name: part.id for part in PARTS}

LANDMARKS = (
    Organ(41, "liver", "Liver", "10200004", (150, 84, 78)),
    Organ(42, "spleen", "Spleen", "78961009", (124, 76, 120)),
    Organ(43, "pancreas", "Pancreas", "15776009", (214, 190, 138)),
    Organ(44, "kidney_right", "Right kidney", "9846003", (142, 100, 84)),
    Organ(45, "kidney_left", "Left kidney", "18639004", (142, 100, 84)),
    Organ(46, "oesophagus", "Oesophagus", "32849002", (196, 160, 148)),
    Organ(47, "spine", "Spine", "421060004", (226, 220, 204)),
)
"""Organs around the three, for orientation only: the service does not outline them."""
