"""Searches stored studies, series and instances, for QIDO-RS and WADO-RS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, distinct, func, select

from shared.errors import NotFound
from shared.ledger.dicom.instances import Instance
from shared.ledger.dicom.tables import instances, results, series, studies


@dataclass(frozen=True, slots=True)
class SearchConditions:
    """The conditions of a search: UIDs by level, and texts with * and ? as wildcards."""

    studies: tuple[str, ...] = ()
    series: tuple[str, ...] = ()
    instances: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ()
    patient_id: str = ""
    patient_name: str = ""
    accession: str = ""
    study_date: str = ""


def find_studies(connection: Connection, tenant: str, conditions: SearchConditions) -> Iterator[dict[str, Any]]:
    """Return studies with `uid`, `attributes`, `modalities`, `series` and `instances` (counts), newest first."""
    query = select(studies.c.id, studies.c.uid, studies.c.attributes).where(*_study(tenant, conditions))
    if conditions.modalities:
        series_query = select(series.c.study).where(series.c.modality.in_(conditions.modalities))
        query = query.where(studies.c.id.in_(series_query))
    for row in connection.execute(query.order_by(studies.c.created.desc(), studies.c.id)).all():
        parts = select(series.c.modality).distinct().where(series.c.study == row.id)
        counts = (
            select(func.count(distinct(series.c.id)), func.count(instances.c.id))
            .select_from(series)
            .join(instances, instances.c.series == series.c.id)
            .where(series.c.study == row.id)
        )
        parents, children = connection.execute(counts).one()
        modalities = sorted(m for m in connection.execute(parts).scalars() if m)
        yield {
            "uid": row.uid, "attributes": row.attributes, "modalities": modalities, "series": parents,
            "instances": children,
        }  # fmt: skip


def find_series(connection: Connection, tenant: str, conditions: SearchConditions) -> Iterator[dict[str, Any]]:
    """Return series with `study`, `uid`, both `attributes` and the number of `instances`, newest study first."""
    count = select(func.count()).where(instances.c.series == series.c.id).scalar_subquery()
    query = select(
        studies.c.uid.label("study"), studies.c.attributes.label("study_attributes"), series.c.uid, series.c.modality,
        series.c.attributes, count.label("instances"),
    ).join(studies, studies.c.id == series.c.study)  # fmt: skip
    query = query.where(*_study(tenant, conditions), *_series(conditions))
    for row in connection.execute(query.order_by(studies.c.created.desc(), series.c.created, series.c.id)).all():
        yield dict(row._mapping)


def find_instances(
    connection: Connection, tenant: str, conditions: SearchConditions
) -> Iterator[tuple[Instance, dict[str, Any]]]:
    """Return instances with the attributes of their study and series, by instance number."""
    query = _instances(tenant, conditions).order_by(
        studies.c.created.desc(), series.c.created, series.c.id, instances.c.number, instances.c.uid
    )
    for row in connection.execute(query):
        fields = row._mapping
        instance = Instance(**{name: fields[name] for name in Instance.__slots__})
        yield instance, {**fields["study_attributes"], **fields["series_attributes"]}


def retrieve(
    connection: Connection, tenant: str, study: str, series_uid: str | None = None, instance: str | None = None
) -> list[Instance]:
    """Return the instances of a study, of a series, or one instance.

    Raises NotFound where there is none.
    """
    conditions = SearchConditions((study,), (series_uid,) if series_uid else (), (instance,) if instance else ())
    stored = [row for row, _ in find_instances(connection, tenant, conditions)]
    if not stored:
        raise NotFound("There is no such instance.")
    return stored


def results_of(connection: Connection, tenant: str, job_id: str) -> list[Instance]:
    """Return the result instances of a job."""
    query = _instances(tenant, SearchConditions()).join(results, results.c.instance == instances.c.id)
    rows = connection.execute(query.where(results.c.job_id == job_id).order_by(series.c.uid, instances.c.number))
    return [Instance(**{name: row._mapping[name] for name in Instance.__slots__}) for row in rows]


def _instances(tenant: str, conditions: SearchConditions) -> Select[Any]:
    own = [instances.c[name] for name in Instance.__slots__ if name not in ("study", "series")]
    query = (
        select(
            *own,
            studies.c.uid.label("study"),
            series.c.uid.label("series"),
            studies.c.attributes.label("study_attributes"),
            series.c.attributes.label("series_attributes"),
        )
        .join(series, series.c.id == instances.c.series)
        .join(studies, studies.c.id == series.c.study)
        .where(*_study(tenant, conditions), *_series(conditions))
    )
    return query.where(instances.c.uid.in_(conditions.instances)) if conditions.instances else query


def _study(tenant: str, conditions: SearchConditions) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = [studies.c.tenant == tenant]
    if conditions.studies:
        where.append(studies.c.uid.in_(conditions.studies))
    for column, text in (
        (studies.c.patient_id, conditions.patient_id),
        (studies.c.patient_name, conditions.patient_name.upper()),
        (studies.c.accession, conditions.accession),
    ):
        if text:
            where.append(column.like(_pattern(text), escape="!"))
    if conditions.study_date:
        first, dash, last = conditions.study_date.partition("-")
        where.append(studies.c.study_date >= first)
        if last or not dash:
            where.append(studies.c.study_date <= (last or first))
        where.append(studies.c.study_date != "")
    return where


def _series(conditions: SearchConditions) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if conditions.series:
        where.append(series.c.uid.in_(conditions.series))
    if conditions.modalities:
        where.append(series.c.modality.in_(conditions.modalities))
    return where


def _pattern(text: str) -> str:
    for special in "!%_":
        text = text.replace(special, "!" + special)
    return text.replace("*", "%").replace("?", "_")
