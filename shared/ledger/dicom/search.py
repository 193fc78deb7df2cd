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
class Wanted:
    """The conditions of a search: UIDs by level, and texts with * and ? as wildcards."""

    studies: tuple[str, ...] = ()
    series: tuple[str, ...] = ()
    instances: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ()
    patient_id: str = ""
    patient_name: str = ""
    accession: str = ""
    study_date: str = ""


def find_studies(connection: Connection, tenant: str, wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Return studies with `uid`, `attributes`, `modalities`, `series` and `instances` (counts), newest first."""
    query = select(studies.c.id, studies.c.uid, studies.c.attributes).where(*_study(tenant, wanted))
    if wanted.modalities:
        held = select(series.c.study).where(series.c.modality.in_(wanted.modalities))
        query = query.where(studies.c.id.in_(held))
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


def find_series(connection: Connection, tenant: str, wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Return series with `study`, `uid`, both `attributes` and the number of `instances`, newest study first."""
    count = select(func.count()).where(instances.c.series == series.c.id).scalar_subquery()
    query = select(
        studies.c.uid.label("study"), studies.c.attributes.label("study_attributes"), series.c.uid, series.c.modality,
        series.c.attributes, count.label("instances"),
    ).join(studies, studies.c.id == series.c.study)  # fmt: skip
    query = query.where(*_study(tenant, wanted), *_series(wanted))
    for row in connection.execute(query.order_by(studies.c.created.desc(), series.c.created, series.c.id)).all():
        yield dict(row._mapping)


def find_instances(connection: Connection, tenant: str, wanted: Wanted) -> Iterator[tuple[Instance, dict[str, Any]]]:
    """Return instances with the attributes of their study and series, by instance number."""
    query = _instances(tenant, wanted).order_by(
        studies.c.created.desc(), series.c.created, series.c.id, instances.c.number, instances.c.uid
    )
    for row in connection.execute(query):
        held = row._mapping
        made = Instance(**{name: held[name] for name in Instance.__slots__})
        yield made, {**held["study_attributes"], **held["series_attributes"]}


def retrieve(
    connection: Connection, tenant: str, study: str, series_uid: str | None = None, instance: str | None = None
) -> list[Instance]:
    """Return the instances of a study, of a series, or one instance.

    Raises NotFound where there is none.
    """
    wanted = Wanted((study,), (series_uid,) if series_uid else (), (instance,) if instance else ())
    found = [one for one, _ in find_instances(connection, tenant, wanted)]
    if not found:
        raise NotFound("There is no such instance.")
    return found


def results_of(connection: Connection, tenant: str, job_id: str) -> list[Instance]:
    """Return the result instances of a job."""
    query = _instances(tenant, Wanted()).join(results, results.c.instance == instances.c.id)
    rows = connection.execute(query.where(results.c.job_id == job_id).order_by(series.c.uid, instances.c.number))
    return [Instance(**{name: row._mapping[name] for name in Instance.__slots__}) for row in rows]


def _instances(tenant: str, wanted: Wanted) -> Select[Any]:
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
        .where(*_study(tenant, wanted), *_series(wanted))
    )
    return query.where(instances.c.uid.in_(wanted.instances)) if wanted.instances else query


def _study(tenant: str, wanted: Wanted) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = [studies.c.tenant == tenant]
    if wanted.studies:
        where.append(studies.c.uid.in_(wanted.studies))
    for column, text in (
        (studies.c.patient_id, wanted.patient_id),
        (studies.c.patient_name, wanted.patient_name.upper()),
        (studies.c.accession, wanted.accession),
    ):
        if text:
            where.append(column.like(_pattern(text), escape="!"))
    if wanted.study_date:
        first, dash, last = wanted.study_date.partition("-")
        where.append(studies.c.study_date >= first)
        if last or not dash:
            where.append(studies.c.study_date <= (last or first))
        where.append(studies.c.study_date != "")
    return where


def _series(wanted: Wanted) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if wanted.series:
        where.append(series.c.uid.in_(wanted.series))
    if wanted.modalities:
        where.append(series.c.modality.in_(wanted.modalities))
    return where


def _pattern(text: str) -> str:
    for special in "!%_":
        text = text.replace(special, "!" + special)
    return text.replace("*", "%").replace("?", "_")
