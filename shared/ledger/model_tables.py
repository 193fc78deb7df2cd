"""Tables of models: which there are, which are rolled out, and what is counted about each. Times as in `tables`."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Index, Integer, String, Table

from shared.ledger.tables import _Counter, _job_id, _Time, metadata

models = Table(
    "models",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("version", String(100), nullable=False),
    Column("offered", Integer, nullable=False),
    Column("added", _Time, nullable=False),
    Column("modalities", JSON),
    Column("channels", Integer),
    Index(None, "name"),
)

model_outcomes = Table(
    "model_outcomes",
    metadata,
    Column("id", _Counter, primary_key=True, autoincrement=True),
    Column("model", String(64), nullable=False),
    Column("at", _Time, nullable=False),
    Column("state", String(16)),
    Column("result", JSON),
)

model_times = Table(
    "model_times",
    metadata,
    Column("model", String(64), primary_key=True),
    Column("first", _Time),
    Column("last", _Time, nullable=False),
)

model_jobs = Table(
    "model_jobs",
    metadata,
    Column("model", String(64), primary_key=True),
    Column("state", String(16), primary_key=True),
    Column("count", BigInteger, nullable=False),
)

model_values = Table(
    "model_values",
    metadata,
    Column("model", String(64), primary_key=True),
    Column("quantity", String(200), primary_key=True),
    Column("period", Integer, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("total", _Time, nullable=False),
    Column("squares", _Time, nullable=False),
)

shadow_runs = Table(
    "shadow_runs",
    metadata,
    _job_id(primary_key=True),
    Column("model", String(64), primary_key=True),
    Column("started", _Time, nullable=False),
)

rollouts = Table(
    "rollouts",
    metadata,
    Column("modality", String(2), primary_key=True),
    Column("model", String(64), ForeignKey("models.key"), nullable=False),
    Column("share", Integer, nullable=False),
    Column("since", _Time, nullable=False),
)
