"""QIDO-RS (PS3.18 10.6): searches for studies, series and instances."""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from fastapi import APIRouter, Request, Response
from pydicom.datadict import tag_for_keyword

from services.api.dicomweb import encoding
from services.api.dicomweb.encoding import Json
from services.api.dicomweb.openapi import FOUND
from services.api.gateway import DicomReader, Gateway, GatewayDep
from shared.errors import BadRequest
from shared.ledger import api_keys
from shared.ledger.dicom import search as dicom_search
from shared.ledger.dicom.instances import Instance
from shared.ledger.dicom.search import SearchConditions
from shared.pacs import instance_list
from shared.pacs.describe import SERIES, STUDY, tag, value

router = APIRouter(prefix="/dicom-web", tags=["dicomweb"], responses=FOUND)
MOST = 1000
"""Matches of one response at most; `offset` gives more."""
_OTHERS = {"limit", "offset", "includefield", "fuzzymatching", "accept", "charset", "emptyvaluematching"}
_COLUMNS = {
    "StudyInstanceUID": "studies", "SeriesInstanceUID": "series", "SOPInstanceUID": "instances",
    "Modality": "modalities", "ModalitiesInStudy": "modalities", "PatientID": "patient_id",
    "PatientName": "patient_name", "AccessionNumber": "accession", "StudyDate": "study_date",
}  # fmt: skip
_LISTS = ("studies", "series", "instances", "modalities")
_INSTANCE = (
    "SOPClassUID", "SOPInstanceUID", "InstanceNumber", "Rows", "Columns", "BitsAllocated", "NumberOfFrames",
)  # fmt: skip


@dataclass(slots=True)
class Search:
    """A parsed search: indexed matches, other matches by tag, paging, and further attributes to return."""

    conditions: SearchConditions = field(default_factory=SearchConditions)
    others: dict[str, str] = field(default_factory=dict)
    include: set[str] = field(default_factory=set)
    limit: int = MOST
    offset: int = 0
    skipped: int = 0
    ignored: list[str] = field(default_factory=list)

    def page(self, rows: Iterable[Json]) -> tuple[list[Json], bool]:
        """Return the matches of this page, and whether there are more."""
        fitting = (item for item in rows if all(_matches(item, key, text) for key, text in self.others.items()))
        start = self.offset - self.skipped
        page = list(islice(fitting, start, start + self.limit + 1))
        return page[: self.limit], len(page) > self.limit


@router.get("/studies", response_class=Response)
def search_studies(request: Request, gateway: GatewayDep, caller: DicomReader) -> Response:
    """Return studies that match."""
    return _respond(request, gateway, caller, _search(request, STUDY), _studies)


@router.get("/series", response_class=Response)
def search_series(request: Request, gateway: GatewayDep, caller: DicomReader) -> Response:
    """Return series that match, of any study."""
    return _respond(request, gateway, caller, _search(request, STUDY + SERIES), _all_series)


@router.get("/studies/{study}/series", response_class=Response)
def search_series_of_study(study: str, request: Request, gateway: GatewayDep, caller: DicomReader) -> Response:
    """Return series of a study that match."""
    return _respond(request, gateway, caller, _search(request, SERIES, studies=(study,)), _series)


@router.get("/instances", response_class=Response)
def search_instances(request: Request, gateway: GatewayDep, caller: DicomReader) -> Response:
    """Return instances that match, of any study."""
    return _respond(request, gateway, caller, _search(request, STUDY + SERIES + _INSTANCE), _instances)


@router.get("/studies/{study}/instances", response_class=Response)
def search_instances_of_study(study: str, request: Request, gateway: GatewayDep, caller: DicomReader) -> Response:
    """Return instances of a study that match."""
    return _respond(request, gateway, caller, _search(request, SERIES + _INSTANCE, studies=(study,)), _instances)


@router.get("/studies/{study}/series/{series}/instances", response_class=Response)
def search_instances_of_series(
    study: str, series: str, request: Request, gateway: GatewayDep, caller: DicomReader
) -> Response:
    """Return instances of a series that match."""
    search = _search(request, _INSTANCE, studies=(study,), series=(series,))
    return _respond(request, gateway, caller, search, _instances)


Finder = Callable[[Request, Gateway, api_keys.Caller, Search], Iterator[Json]]


def _respond(request: Request, gateway: Gateway, caller: api_keys.Caller, search: Search, finder: Finder) -> Response:
    page, more = search.page(finder(request, gateway, caller, search))
    warnings = []
    if more:
        warnings.append(
            f'299 viscera "There are more results that can be requested: offset={search.offset + len(page)}"'
        )
    if search.ignored:
        warnings.append('299 viscera "Not all attributes of the search are supported; they were ignored"')
    return encoding.many(request, page, {"Warning": ", ".join(warnings)} if warnings else None)


def _search(request: Request, searched: tuple[str, ...], **fixed: tuple[str, ...]) -> Search:
    """Return the parsed query of a request; attributes that can't be searched are ignored.

    Raises BadRequest.
    """
    search, columns = Search(), dict[str, Any]()
    searched = (*searched, "StudyInstanceUID", "SeriesInstanceUID", "ModalitiesInStudy")
    for key, text in request.query_params.multi_items():
        if paging(search, key, text):
            continue
        keyword = _keyword(key)
        if keyword not in searched or not text:
            search.ignored += [key] if text else []
        elif keyword in _COLUMNS:
            name = _COLUMNS[keyword]
            columns[name] = tuple(re.split(r"[,\\\\]", text)) if name in _LISTS else text
        else:
            search.others[tag(keyword)] = text
    search.conditions = SearchConditions(**{**columns, **fixed})
    return search


def paging(search: Search, key: str, text: str) -> bool:
    """Apply a parameter that is not an attribute; return False if it is one.

    Raises BadRequest.
    """
    if key not in _OTHERS:
        return False
    if key in ("limit", "offset"):
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise BadRequest(f"{key} must be a whole number.", "bad_query")
        if key == "limit":
            search.limit = min(int(text), MOST)
        else:
            search.offset = int(text)
    elif key == "includefield":
        search.include |= {"all" if name == "all" else tag(_keyword(name)) for name in text.split(",") if name}
    elif key == "fuzzymatching" and text == "true":
        search.ignored.append(key)
    return True


def tag_of(text: str) -> str:
    """Return the tag of a query's keyword or tag.

    Raises BadRequest.
    """
    return tag(_keyword(text))


def more_warning() -> dict[str, str]:
    """Return the Warning header of a page that is not the last."""
    return {"Warning": '299 viscera "There are more results that can be requested, by offset"'}


def _keyword(text: str) -> str:
    """Return a keyword from a keyword or from a tag of eight hexadecimal digits.

    Raises BadRequest for anything else.
    """
    from pydicom.datadict import keyword_for_tag

    last = text.rpartition(".")[2]
    keyword = keyword_for_tag(int(last, 16)) if re.fullmatch(r"[0-9A-Fa-f]{8}", last) else last
    if not keyword or tag_for_keyword(keyword) is None:
        raise BadRequest("The query names an attribute that DICOM does not know.", "bad_query")
    return keyword


def _matches(attributes: Json, key: str, text: str) -> bool:
    values = attributes.get(key, {}).get("Value", [])
    plain = [str(v.get("Alphabetic", "")) if isinstance(v, dict) else str(v) for v in values]
    first, dash, last = text.partition("-")
    if dash and attributes.get(key, {}).get("vr") in ("DA", "TM"):
        return any((not first or v >= first) and (not last or v <= last) for v in plain)
    return any(fnmatch.fnmatchcase(v.upper(), text.upper().replace("[", "[[]")) for v in plain)


def _studies(request: Request, gateway: Gateway, caller: api_keys.Caller, search: Search) -> Iterator[Json]:
    with gateway.reading(caller) as connection:
        for row in dicom_search.find_studies(connection, caller.tenant, search.conditions):
            yield row["attributes"] | encoding.data_set(
                SpecificCharacterSet="ISO_IR 192", StudyInstanceUID=row["uid"], InstanceAvailability="ONLINE",
                ModalitiesInStudy=row["modalities"], NumberOfStudyRelatedSeries=row["series"],
                NumberOfStudyRelatedInstances=row["instances"], RetrieveURL=url(request, row["uid"]),
            )  # fmt: skip


def _series(request: Request, gateway: Gateway, caller: api_keys.Caller, search: Search) -> Iterator[Json]:
    with gateway.reading(caller) as connection:
        for row in dicom_search.find_series(connection, caller.tenant, search.conditions):
            shown = {key: values for key, values in row["study_attributes"].items() if key in search.include}
            yield shown | row["attributes"] | encoding.data_set(
                SpecificCharacterSet="ISO_IR 192", StudyInstanceUID=row["study"], SeriesInstanceUID=row["uid"],
                Modality=row["modality"], NumberOfSeriesRelatedInstances=row["instances"],
                InstanceAvailability="ONLINE", RetrieveURL=url(request, row["study"], row["uid"]),
            )  # fmt: skip


def _all_series(request: Request, gateway: Gateway, caller: api_keys.Caller, search: Search) -> Iterator[Json]:
    search.include |= {tag(keyword) for keyword in STUDY}
    return _series(request, gateway, caller, search)


def _instances(request: Request, gateway: Gateway, caller: api_keys.Caller, search: Search) -> Iterator[Json]:
    if not search.others:  # matches before this page need not be read from the store
        search.skipped = search.offset
    return _described(request, gateway, caller, search)


def _described(request: Request, gateway: Gateway, caller: api_keys.Caller, search: Search) -> Iterator[Json]:
    with gateway.reading(caller) as connection:
        found = dicom_search.find_instances(connection, caller.tenant, search.conditions)
        for item, above in islice(found, search.skipped, None):
            yield above | _instance(request, gateway, item, search.include)


def _instance(request: Request, gateway: Gateway, item: Instance, include: set[str]) -> Json:
    values = metadata(gateway, item)
    basic = {tag(name): values[tag(name)] for name in _INSTANCE if tag(name) in values}
    more = values if "all" in include else {key: values[key] for key in include if key in values}
    return more | basic | encoding.data_set(
        SpecificCharacterSet="ISO_IR 192", StudyInstanceUID=item.study, SeriesInstanceUID=item.series,
        SOPClassUID=item.sop_class, SOPInstanceUID=item.uid, InstanceAvailability="ONLINE",
        AvailableTransferSyntaxUID=item.syntax, RetrieveURL=url(request, item.study, item.series, item.uid),
    )  # fmt: skip


def metadata(gateway: Gateway, item: Instance) -> Json:
    """Return an instance's stored attributes."""
    values: Json = json.loads(b"".join(gateway.store.read(instance_list.metadata_key(item.id))))
    return values


def url(request: Request, study: str, series: str | None = None, instance: str | None = None) -> str:
    """Return the URL of a study, series or instance."""
    parts = [f"studies/{study}", f"series/{series}" if series else "", f"instances/{instance}" if instance else ""]
    return "/".join([str(request.base_url).rstrip("/") + "/dicom-web", *filter(None, parts)])


def bits(values: Json) -> tuple[int, int]:
    """Return bits allocated and samples per pixel."""
    return int(value(values, "BitsAllocated", 8)), int(value(values, "SamplesPerPixel", 1))
