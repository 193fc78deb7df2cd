"""What is counted of each model: jobs by end state, results outside its domain, and the volumes of organs.

The transaction that ends a job adds one row to `model_outcomes`, which names no job. The reconciler adds these rows up:
no two jobs wait for each other's counters, and a scrape reads a few sums, however many jobs there were.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, case, delete, func, select

from shared.ledger.engine import insert, now
from shared.ledger.model_tables import model_jobs, model_outcomes, model_times, model_values
from shared.ledger.tables import jobs

DAY = 86400.0
WEEK = 7
"""Days of the reference, which are the first of a model, and of the recent results that are compared with them."""
LEAST = 50
"""Values that both weeks need: by chance alone the drift then has a standard deviation of 0.2."""
KEPT_DAYS = 30
"""Days after its last job for which a model is in the metrics."""
ALL, FIRST = 0, 1
"""Periods of `model_values`: since ever, and the first week. Greater ones are days since 1970, after the first week."""
OUT_OF_DOMAIN, VOLUME, DICE, DIFFERENCE = "out_of_domain", "volume", "dice", "difference"
"""Kinds of quantities: 1 for a result outside the model's domain and 0 for another, without an organ; the volume of an
organ; its Dice coefficient and difference of volume, where the model was compared with the results of another one."""
AT_ONCE = 200
ROWS = 1000
"""Rows of one statement: SQLite takes 32,766 values at most."""


@dataclass(frozen=True, slots=True)
class Result:
    """What is counted of one result: the volumes of its organs in mL, and whether the scan is outside the domain."""

    volumes: Mapping[str, float]
    out_of_domain: bool


@dataclass(frozen=True, slots=True)
class Sums:
    """Number, sum and sum of squares of some values."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    @property
    def mean(self) -> float:
        """Return the mean of the values; 0 without any."""
        return self.total / self.count if self.count else 0.0

    @property
    def variance(self) -> float:
        """Return the variance of the values, their number less one as divisor; 0 for fewer than two."""
        if self.count < 2:
            return 0.0
        return max(0.0, self.squares - self.total**2 / self.count) / (self.count - 1)

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.count + other.count, self.total + other.total, self.squares + other.squares)


@dataclass(frozen=True, slots=True)
class Periods:
    """One quantity of a model: all of its values, those of its first week, and those of the last seven days.

    The recent ones are none of the first week's.
    """

    every: Sums = Sums()
    first: Sums = Sums()
    recent: Sums = Sums()

    @property
    def drift(self) -> float | None:
        """Return the recent mean less that of the first week, in standard deviations; None with too few values.

        The deviation is the root of the mean of both variances (Austin, "Balance diagnostics for comparing the
        distribution of baseline covariates", 2009), so it is defined where all values of the first week are the same.
        """
        variance = (self.first.variance + self.recent.variance) / 2.0
        if min(self.first.count, self.recent.count) < LEAST or variance == 0.0:
            return None
        return (self.recent.mean - self.first.mean) / math.sqrt(variance)


@dataclass(frozen=True, slots=True)
class ModelStatistics:
    """The statistics of one model: its jobs by end state, and its quantities by kind and organ."""

    jobs: Mapping[str, int]
    quantities: Mapping[tuple[str, str], Periods]


def add_end(connection: Connection, model: str, state: str) -> None:
    """Record that a job of a model ended."""
    connection.execute(insert(connection, model_outcomes).values(model=model, at=now(), state=state))


def add_result(connection: Connection, job_id: str, result: Result) -> None:
    """Record the result of a job for the model that it used; a segmenter of an earlier version did not say which."""
    content = {"volumes": dict(result.volumes), "out_of_domain": result.out_of_domain}
    model = connection.execute(select(jobs.c.used_model).where(jobs.c.id == job_id)).scalar()
    if model is not None:
        connection.execute(insert(connection, model_outcomes).values(model=model, at=now(), result=content))


def is_due(connection: Connection) -> bool:
    """Return whether something is recorded that was not added up."""
    return connection.execute(select(model_outcomes.c.id).limit(1)).first() is not None


def add_up(connection: Connection, limit: int = AT_ONCE) -> int:
    """Add recorded rows to the sums and delete them; return how many. Rows that another process adds up are skipped."""
    query = select(model_outcomes).order_by(model_outcomes.c.id).limit(limit).with_for_update(skip_locked=True)
    rows = connection.execute(query).all()
    if not rows:
        return 0
    connection.execute(delete(model_outcomes).where(model_outcomes.c.id.in_([row.id for row in rows])))
    # In the order of their keys: two processes that add to the same sums then never wait for each other in a circle.
    ended = Counter((row.model, row.state) for row in rows if row.state is not None)
    _add(connection, model_jobs, [{"model": key[0], "state": key[1], "count": ended[key]} for key in sorted(ended)])
    sums = _sums((row for row in rows if row.result is not None), _firsts(connection, rows))
    values = [
        {"model": key[0], "quantity": key[1], "period": key[2],
         "count": sums[key].count, "total": sums[key].total, "squares": sums[key].squares}
        for key in sorted(sums)
    ]  # fmt: skip
    _add(connection, model_values, values)
    connection.execute(delete(model_values).where(model_values.c.period > FIRST, ~_is_recent()))
    return len(rows)


def _firsts(connection: Connection, rows: Iterable[Row[Any]]) -> dict[str, float | None]:
    """Record when each model was used last, and return when its first job ended; a comparison is no job."""
    times: dict[str, list[float]] = defaultdict(list)
    ends: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        times[row.model].append(row.at)
        if row.result is None or "volumes" in row.result:
            ends[row.model].append(row.at)
    firsts = {}
    for model in sorted(times):
        old, first = model_times.c, min(ends[model], default=None)
        new = insert(connection, model_times).values(model=model, first=first, last=max(times[model]))
        later = {
            "first": func.coalesce(old.first, new.excluded.first),
            "last": case((new.excluded.last > old.last, new.excluded.last), else_=old.last),
        }
        upsert = new.on_conflict_do_update(index_elements=[old.model], set_=later)
        firsts[model] = connection.execute(upsert.returning(old.first)).scalar_one()
    return firsts


def _sums(results: Iterable[Row[Any]], firsts: Mapping[str, float | None]) -> dict[tuple[str, str, int], Sums]:
    sums: dict[tuple[str, str, int], Sums] = defaultdict(Sums)
    for row in results:
        first = firsts[row.model]
        is_early = first is not None and row.at < first + WEEK * DAY
        for kind, organ, value in _quantities(row.result):
            periods = (ALL,) if kind in {DICE, DIFFERENCE} else (ALL, FIRST if is_early else int(row.at // DAY))
            for period in periods:
                sums[row.model, f"{kind}:{organ}"[:200], period] += Sums(1, value, value * value)
    return sums


def _quantities(result: Mapping[str, Any]) -> Iterator[tuple[str, str, float]]:
    """Yield kind, organ and value of each quantity of a result or a comparison."""
    if OUT_OF_DOMAIN in result:
        yield OUT_OF_DOMAIN, "", float(result[OUT_OF_DOMAIN])
    for kind, name in ((VOLUME, "volumes"), (DICE, "dice"), (DIFFERENCE, "difference")):
        for organ, value in result.get(name, {}).items():
            yield kind, organ, float(value)


def _add(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Add the columns that are no keys to those of the rows with the same keys."""
    keys = [column.name for column in table.primary_key]
    for start in range(0, len(rows), ROWS):
        some = rows[start : start + ROWS]
        row = insert(connection, table).values(some)
        added = {name: table.c[name] + row.excluded[name] for name in some[0] if name not in keys}
        connection.execute(row.on_conflict_do_update(index_elements=keys, set_=added))


def _is_recent() -> Any:
    """Return the condition that a period is a day that began within the last seven."""
    return model_values.c.period * DAY > now() - WEEK * DAY


def of_models(connection: Connection) -> dict[str, ModelStatistics]:
    """Return the statistics of the models that had a job in the last weeks, by their keys."""
    current = select(model_times.c.model).where(model_times.c.last > now() - KEPT_DAYS * DAY)
    ended: dict[str, dict[str, int]] = defaultdict(dict)
    for row in connection.execute(select(model_jobs).where(model_jobs.c.model.in_(current))):
        ended[row.model][row.state] = int(row._mapping["count"])
    quantities: dict[str, dict[tuple[str, str], list[Sums]]] = defaultdict(lambda: defaultdict(lambda: [Sums()] * 3))
    for row in connection.execute(_summed().where(model_values.c.model.in_(current))):
        kind, _, organ = row.quantity.partition(":")
        quantities[row.model][kind, organ][row.span] = Sums(int(row.n), float(row.total), float(row.squares))
    return {
        model: ModelStatistics(ended[model], {name: Periods(*each) for name, each in quantities[model].items()})
        for model in sorted({*ended, *quantities})
    }


def _summed() -> Select[Any]:
    """Return the query of the sums of each quantity: span 0 is ever, 1 the first week, 2 the recent days."""
    columns = model_values.c
    span = case((columns.period <= FIRST, columns.period), else_=FIRST + 1).label("span")
    n, total, squares = (func.sum(columns[name]) for name in ("count", "total", "squares"))
    query = select(columns.model, columns.quantity, span, n.label("n"), total.label("total"), squares.label("squares"))
    return query.where((columns.period <= FIRST) | _is_recent()).group_by(columns.model, columns.quantity, span)
