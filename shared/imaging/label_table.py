"""The names of labels in the header of a NIfTI file.

They are in a header extension, as XML that TotalSegmentator and Connectome Workbench use, or in the description field.
"""

from __future__ import annotations

import colorsys
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from xml.etree import ElementTree

from shared.imaging.structures import Structure, find
from shared.imaging.volume import ORGANS, Organ

_DESCRIPTION = "Viscera labels: "
MOST_BYTES = 1 << 20
"""Longer tables are not parsed; 255 names take about 40 kB."""
_UNNAMED = (160, 160, 160)
_GOLDEN = 0.618034
"""Steps of the golden ratio keep the hues of successive labels apart."""


def unnamed(label: int) -> Organ:
    """Return the organ of a label whose name is not known: label_N, grey, without a code."""
    return Organ(label, f"label_{label}", f"Label {label}", None, _UNNAMED)


def named(label: int, name: str, colour: tuple[int, int, int] | None = None) -> Organ:
    """Return the organ of a label with a name; the codes of the product's own organs and of known structures follow it.

    The node name has letters, digits, underscore, hyphen and full stop only, at most 64.
    """
    node = re.sub(r"[^A-Za-z0-9_.-]+", "_", name.strip())[:64].strip("_") or f"label_{label}"
    for known in ORGANS:
        if node.lower() == known.name:
            return Organ(label, known.name, known.title, known.snomed, known.colour)
    if structure := find(node):
        return _known(label, node, structure, colour or structure.colour)
    title = node.replace("_", " ")
    return Organ(label, node, title[0].upper() + title[1:], None, colour or _colour(label))


def _known(label: int, node: str, structure: Structure, colour: tuple[int, int, int]) -> Organ:
    return Organ(
        id=label,
        name=node,
        title=structure.title,
        snomed=structure.snomed,
        colour=colour,
        category=structure.category,
        modifier=structure.modifier,
        region=structure.region,
        meaning=structure.meaning,
    )


def label_set(names: Mapping[int, Organ]) -> tuple[Organ, ...]:
    """Return organs in the order of their labels, background left out; a name that occurs twice gets its label."""
    organs: list[Organ] = []
    for label, organ in sorted(names.items()):
        if not 1 <= label <= 255:
            continue
        twice = any(organ.name == other.name for other in organs)
        organs.append(replace(organ, name=f"{organ.name}_{label}", title=f"{organ.title} {label}") if twice else organ)
    return tuple(organs)


def to_description(organs: Iterable[Organ]) -> str:
    """Return organs as a description field, such as "Viscera labels: 1=stomach"; it has room for 79 characters."""
    return f"{_DESCRIPTION}{' '.join(f'{organ.id}={organ.name}' for organ in organs)}"


def from_description(text: str) -> tuple[Organ, ...]:
    """Return the organs of a description field; none where it is another one."""
    if not text.startswith(_DESCRIPTION):
        return ()
    pairs = re.findall(r"(\d{1,3})=([\w.-]+)", text)
    return label_set({int(label): named(int(label), name) for label, name in pairs})


def to_xml(organs: Iterable[Organ]) -> bytes:
    """Return the table of organs as the XML of a header extension."""
    root = ElementTree.Element("CaretExtension")
    volume = ElementTree.SubElement(root, "VolumeInformation", Index="0")
    table = ElementTree.SubElement(volume, "LabelTable")
    for organ in organs:
        red, green, blue = (f"{value / 255.0:.6f}" for value in organ.colour)
        label = ElementTree.SubElement(table, "Label", Key=str(organ.id), Red=red, Green=green, Blue=blue, Alpha="1")
        label.text = organ.name
    return b'<?xml version="1.0" encoding="UTF-8"?>' + ElementTree.tostring(root)


def from_xml(xml: bytes) -> tuple[Organ, ...]:
    """Return the organs of a table; none where the bytes are no such table."""
    xml = xml.rstrip(b"\0 \r\n")
    if b"<LabelTable" not in xml or b"<!" in xml.replace(b"<![CDATA[", b"") or len(xml) > MOST_BYTES:
        return ()  # a document type could define entities that expand without bound
    try:
        root = ElementTree.fromstring(xml)  # noqa: S314 - it has no document type
    except (ElementTree.ParseError, ValueError):
        return ()
    names = {}
    for label in root.iter("Label"):
        key, name = label.get("Key", ""), (label.text or "").strip()
        if key.isdecimal() and name:
            names[int(key)] = named(int(key), name, _rgb(label))
    return label_set(names)


def _rgb(label: ElementTree.Element) -> tuple[int, int, int] | None:
    try:
        red, green, blue = (round(255 * min(max(float(label.get(key, "")), 0.0), 1.0)) for key in _CHANNELS)
    except ValueError:
        return None
    return red, green, blue


_CHANNELS = ("Red", "Green", "Blue")


def _colour(label: int) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(label * _GOLDEN % 1.0, 0.55, 0.85)
    return round(red * 255), round(green * 255), round(blue * 255)
