"""Data sets as DICOM JSON (PS3.18 F.2) or as native DICOM XML (PS3.19 A.1)."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from fastapi import Request, Response
from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword

from services.api.dicomweb.multipart import parse_media_type

_ITEM = re.compile(r'(?:[^,"]|"[^"]*")+')
JSON, XML = "application/dicom+json", "application/dicom+xml"
Json = dict[str, Any]


def element(keyword: str, *values: Any) -> tuple[str, Json]:
    """Return one element as (tag, DICOM JSON); the VR comes from the dictionary."""
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise ValueError(f"no DICOM keyword: {keyword}")
    vr = dictionary_VR(tag).split(" ")[0]
    present = [value for value in values if value not in (None, "")]
    return f"{tag:08X}", {"vr": vr, "Value": present} if present else {"vr": vr}


def data_set(**attributes: Any) -> Json:
    """Return a data set from keywords; a list gives several values or items."""
    pairs = (element(name, *(v if isinstance(v, list) else [v])) for name, v in attributes.items())
    return dict(sorted(pairs))


def accepted(request: Request, *offered: str) -> str | None:
    """Return the offered media type that the client prefers; None if it accepts none. No Accept header takes the
    first.
    """
    for kind, _ in ranges(request):
        match = next((offer for offer in offered if _fits(kind, offer)), None)
        if match is not None:
            return match
    return None


def ranges(request: Request) -> list[tuple[str, dict[str, str]]]:
    """Return the accepted media types, best first, with parameters; multipart/related with its type."""
    header = request.query_params.get("accept") or request.headers.get("accept") or "*/*"
    wishes = []
    for number, item in enumerate(_ITEM.findall(header)):
        kind, parameters = parse_media_type(item)
        if kind == "multipart/related":
            kind = f"multipart/related; type={parameters.get('type', 'application/dicom').lower()}"
        if kind == "application/json":
            kind = JSON
        try:
            weight = float(parameters.get("q", 1.0))
        except ValueError:
            weight = 1.0
        wishes.append((-weight, number, kind, parameters))
    return [(kind, parameters) for weight, _, kind, parameters in sorted(wishes, key=lambda w: w[:2]) if weight < 0]


def _fits(kind: str, offer: str) -> bool:
    if kind in ("*/*", offer):
        return True
    return kind.endswith("/*") and offer.startswith(kind[:-1]) and not offer.startswith("multipart/")


def single(request: Request, content: Json, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a response with one data set in the requested encoding."""
    if accepted(request, JSON, XML) == XML:
        return Response(to_xml(content), status, headers, XML)
    return Response(json.dumps(content), status, headers, JSON)


def many(request: Request, contents: list[Json], headers: dict[str, str] | None = None) -> Response:
    """Return a response with several data sets: an array, or with XML one part each; 204 where there are none."""
    if not contents:
        return Response(status_code=204, headers=headers)
    multipart = f"multipart/related; type={XML}"
    if accepted(request, JSON, multipart) == multipart:
        boundary = "viscera-dicom-xml"
        parts = b"".join(
            f"--{boundary}\r\nContent-Type: {XML}\r\n\r\n".encode() + to_xml(content) + b"\r\n" for content in contents
        )
        kind = f'multipart/related; type="{XML}"; boundary={boundary}'
        return Response(parts + f"--{boundary}--\r\n".encode(), 200, headers, kind)
    return Response(json.dumps(contents), 200, headers, JSON)


def to_xml(content: Json) -> bytes:
    """Return a data set as a NativeDicomModel document."""
    root = Element("NativeDicomModel", xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM")
    _fill(root, content)
    text: bytes = tostring(root, encoding="utf-8")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + text


def _fill(parent: Element, content: Json) -> None:
    for tag, element_json in sorted(content.items()):
        about = {"tag": tag, "vr": element_json["vr"]}
        keyword = keyword_for_tag(int(tag, 16))
        node = SubElement(parent, "DicomAttribute", about | ({"keyword": keyword} if keyword else {}))
        if "InlineBinary" in element_json:
            SubElement(node, "InlineBinary").text = element_json["InlineBinary"]
        for number, value in enumerate(element_json.get("Value", []), start=1):
            if element_json["vr"] == "SQ":
                _fill(SubElement(node, "Item", number=str(number)), value or {})
            elif isinstance(value, dict):
                _person(SubElement(node, "PersonName", number=str(number)), value)
            else:
                SubElement(node, "Value", number=str(number)).text = _clean("" if value is None else str(value))


def _person(node: Element, name: dict[str, str]) -> None:
    parts = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
    for group, text in name.items():
        form = SubElement(node, group)
        for part, value in zip(parts, text.split("^"), strict=False):
            if value:
                SubElement(form, part).text = _clean(value)


def _clean(text: str) -> str:
    """Return the text without control characters, which XML does not allow."""
    return "".join(c for c in text if c in "\t\n\r" or ord(c) >= 32)
