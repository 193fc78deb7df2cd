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
PERSON_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
_DEEPEST = 16
_VR = re.compile(r"[A-Z]{2}")
_TAG = re.compile(r"[0-9A-F]{8}")
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML 1.0 does not allow (2.2)."""
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
        about = {"tag": tag, "vr": element_json.get("vr", "UN")}
        keyword = keyword_for_tag(int(tag, 16))
        node = SubElement(parent, "DicomAttribute", about | ({"keyword": keyword} if keyword else {}))
        if "InlineBinary" in element_json:
            SubElement(node, "InlineBinary").text = _clean(str(element_json["InlineBinary"]))
        for number, value in enumerate(element_json.get("Value", []), start=1):
            if about["vr"] == "SQ":
                _fill(SubElement(node, "Item", number=str(number)), value or {})
            elif isinstance(value, dict):
                _person(SubElement(node, "PersonName", number=str(number)), value)
            else:
                SubElement(node, "Value", number=str(number)).text = _clean("" if value is None else str(value))


def _person(node: Element, name: dict[str, str]) -> None:
    parts = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
    for group in (group for group in PERSON_GROUPS if isinstance(name.get(group), str)):
        text = name[group]
        form = SubElement(node, group)
        for part, value in zip(parts, text.split("^"), strict=False):
            if value:
                SubElement(form, part).text = _clean(value)


def _clean(text: str) -> str:
    """Return the text without the characters that XML does not allow."""
    return _UNFIT.sub("", text)


def is_data_set(content: Any, depth: int = 0) -> bool:
    """Return whether a client's JSON is a data set in the DICOM JSON model (PS3.18 F.2), at most 16 items deep."""
    if not isinstance(content, dict) or depth > _DEEPEST:
        return False
    return all(_TAG.fullmatch(tag) and _is_element(element, depth) for tag, element in content.items())


def _is_element(element: Any, depth: int) -> bool:
    if not isinstance(element, dict) or not isinstance(element.get("InlineBinary", ""), str):
        return False
    vr, values = element.get("vr"), element.get("Value", [])
    if not isinstance(vr, str) or not _VR.fullmatch(vr) or not isinstance(values, list):
        return False
    if vr == "SQ":
        return all(value is None or is_data_set(value, depth + 1) for value in values)
    return all(_is_name(value) if isinstance(value, dict) else not isinstance(value, list) for value in values)


def _is_name(value: dict[str, Any]) -> bool:
    return set(value) <= set(PERSON_GROUPS) and all(isinstance(text, str) for text in value.values())
