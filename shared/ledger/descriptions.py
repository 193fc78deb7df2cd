"""What people write about a job (name, note, tags, review), and what its stages found: by all of it a job is found.

These texts may be personal. They are in the ledger alone, erased with the job, and never in logs, messages or results.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, and_, delete, or_, select

from shared.ledger.engine import insert, now
from shared.ledger.tables import descriptions, jobs, warnings

Review = Literal["unread", "accepted", "needs_correction"]
_NUMBER = 6
"""Characters of a word from which on it may be a part of a job's number: "8" is in nearly every one."""
_ESCAPE = "\\"


@dataclass(frozen=True, slots=True)
class Description:
    """What is known about a job beside its stages; texts are empty where nobody wrote any.

    `reviewed_by` and `reviewed_at` (seconds since 1970) say who chose the review state and when, as the audit does;
    they are empty for a job that is unread.
    """

    name: str = ""
    note: str = ""
    tags: tuple[str, ...] = ()
    review: Review = "unread"
    modality: str = ""
    model: str = ""
    reviewed_by: str = ""
    reviewed_at: float | None = None


_COLUMNS = [descriptions.c[name] for name in Description.__slots__]


def of(connection: Connection, job_ids: Iterable[str]) -> dict[str, Description]:
    """Return the descriptions of jobs by id; a job without one is left out."""
    query = select(descriptions.c.job_id, *_COLUMNS).where(descriptions.c.job_id.in_(list(job_ids)))
    rows = [dict(row._mapping) for row in connection.execute(query)]
    return {row.pop("job_id"): Description(**row | {"tags": tuple(row["tags"] or ())}) for row in rows}


def newest_named(connection: Connection, tenant: str, name: str) -> str | None:
    """Return the id of a tenant's newest job with exactly this name."""
    query = select(jobs.c.id).join(descriptions, descriptions.c.job_id == jobs.c.id)
    query = query.where(jobs.c.tenant == tenant, descriptions.c.name == name)
    return connection.execute(query.order_by(jobs.c.seq.desc()).limit(1)).scalar()


def describe(connection: Connection, job_id: str, **values: Any) -> None:
    """Change some fields of a job's description."""
    before = of(connection, [job_id]).get(job_id, Description())
    fields = {name: getattr(before, name) for name in Description.__slots__} | values
    after = Description(**fields | {"tags": tuple(fields["tags"])})
    row = {**fields, "tags": list(after.tags), "words": _words(after)}
    statement = insert(connection, descriptions).values(job_id=job_id, **row)
    connection.execute(statement.on_conflict_do_update(index_elements=[descriptions.c.job_id], set_=row))


def review(connection: Connection, job_id: str, state: Review, reviewer: str) -> None:
    """Set the review state of a job, and who chose it; an unread job has no reviewer."""
    if state == "unread":
        describe(connection, job_id, review=state, reviewed_by="", reviewed_at=None)
    else:
        describe(connection, job_id, review=state, reviewed_by=reviewer[:100], reviewed_at=now())


def set_warnings(connection: Connection, job_id: str, codes: Iterable[str]) -> None:
    """Record the codes of the warnings that the newest result of a job has, instead of those of an earlier one."""
    connection.execute(delete(warnings).where(warnings.c.job_id == job_id))
    rows = [{"job_id": job_id, "code": code} for code in sorted(set(codes))]
    if rows:
        connection.execute(warnings.insert(), rows)


def _words(described: Description) -> str:
    """Return all texts in lower case: databases differ in which letters they know to be the same."""
    tags = (f"#{tag}" for tag in described.tags)
    texts = (described.name, described.note, *tags, described.modality, described.model)
    return "\n".join(text.casefold() for text in texts if text)[:7000]


def matching(query: str) -> ColumnElement[bool]:
    """Return the condition that a job has every word of a query.

    A word is found in the job's name, note, tags, modality and model, in upper and lower case alike, or is the
    day of its creation (UTC), 2026-11-30, the month or the year. Six characters or more may be of the job's number.
    """
    return and_(*(_has(word) for word in query.split()[:20]))


def _has(word: str) -> ColumnElement[bool]:
    text = word.casefold()
    for special in (_ESCAPE, "%", "_"):
        text = text.replace(special, _ESCAPE + special)
    found = select(descriptions.c.job_id).where(descriptions.c.words.like(f"%{text}%", escape=_ESCAPE))
    conditions: list[ColumnElement[bool]] = [jobs.c.id.in_(found)]
    if len(word) >= _NUMBER:
        conditions.append(jobs.c.id.like(f"%{text}%", escape=_ESCAPE))
    if (span := _span(word)) is not None:
        conditions.append((jobs.c.created >= span[0]) & (jobs.c.created < span[1]))
    return or_(*conditions)


def _span(word: str) -> tuple[float, float] | None:
    """Return the start and the end of a day, month or year in seconds since 1970; None for another word."""
    for form, days in (("%Y-%m-%d", 1), ("%Y-%m", 31), ("%Y", 366)):
        try:
            start = datetime.strptime(word, form).replace(tzinfo=UTC)
        except ValueError:
            continue
        end = start + timedelta(days=days)
        if days > 1:
            end = end.replace(day=1) if form == "%Y-%m" else end.replace(month=1, day=1)
        return start.timestamp(), end.timestamp()
    return None


def having(
    *,
    modality: str | None = None,
    model: str | None = None,
    review: Review | None = None,
    warning: str | None = None,
    tags: Sequence[str] = (),
) -> list[ColumnElement[bool]]:
    """Return the conditions that a job has this modality, model (by name), review state, code of a warning, and all of
    these tags.
    """
    columns = descriptions.c
    wanted = [(columns.modality, modality), (columns.model, model)]
    conditions = [_described(column == value) for column, value in wanted if value is not None]
    if review == "unread":
        conditions.append(jobs.c.id.not_in(select(columns.job_id).where(columns.review != "unread")))
    elif review is not None:
        conditions.append(_described(columns.review == review))
    if warning is not None:
        conditions.append(jobs.c.id.in_(select(warnings.c.job_id).where(warnings.c.code == warning)))
    lines = [f"\n#{tag.casefold()}\n" for tag in tags]
    return conditions + [_described(("\n" + columns.words + "\n").contains(line, autoescape=True)) for line in lines]


def _described(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return jobs.c.id.in_(select(descriptions.c.job_id).where(condition))
