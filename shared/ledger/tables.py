"""Tables of the ledger. Times are seconds since 1970 on the database's clock."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
_Id = String(40)
_Time = Float(53)
_Counter = BigInteger().with_variant(Integer, "sqlite")


def _job_id(*, primary_key: bool) -> Column[str]:
    return Column("job_id", _Id, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False, primary_key=primary_key)


tenants = Table(
    "tenants",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("created", _Time, nullable=False),
    Column("limits", JSON),
    Column("audit_count", BigInteger, nullable=False, server_default="0"),
    Column("audit_head", String(64), nullable=False, server_default=""),
    Column("learning", Integer, nullable=False, server_default="0"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("tenant", _Id, ForeignKey("tenants.id"), nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    Column("name", String(100), nullable=False, server_default=""),
    Column("prefix", String(16), nullable=False, server_default=""),
    Column("scopes", JSON),
    Column("kind", String(16), nullable=False, server_default="key"),
    Column("job_id", _Id, ForeignKey("jobs.id", ondelete="CASCADE")),
    Column("parent", _Id, ForeignKey("api_keys.id", ondelete="CASCADE")),
    Column("created", _Time, nullable=False),
    Column("expires", _Time),
    Column("revoked", _Time),
    Index(None, "tenant", "created"),
    Index(None, "job_id"),
    Index(None, "parent"),
)

clients = Table(
    "clients",
    metadata,
    Column("id", String(100), primary_key=True),
    Column("tenant", _Id, ForeignKey("tenants.id"), nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("jwks", JSON),
    Column("jwks_url", String(1000)),
    Column("created", _Time, nullable=False),
)

assertions = Table(
    "assertions",
    metadata,
    Column("client", String(100), primary_key=True),
    Column("jti", String(64), primary_key=True),
    Column("expires", _Time, nullable=False),
)

uploads = Table(
    "uploads",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("tenant", _Id, ForeignKey("tenants.id"), nullable=False),
    Column("key", String(200), nullable=False),
    Column("token", String(1000), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("part_bytes", BigInteger, nullable=False),
    Column("sha256", String(64)),
    Column("scan_id", _Id),
    Column("created", _Time, nullable=False),
    Column("expires", _Time, nullable=False),
    Index(None, "tenant", "created"),
)

scans = Table(
    "scans",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("tenant", _Id, ForeignKey("tenants.id"), nullable=False),
    Column("key", String(200), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("format", String(16), nullable=False),
    Column("created", _Time, nullable=False),
    Column("filed", Integer, nullable=False, server_default="0"),
    Column("about", JSON),
    Index(None, "filed"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("seq", _Counter, primary_key=True, autoincrement=True),
    Column("id", _Id, nullable=False, unique=True),
    Column("tenant", _Id, ForeignKey("tenants.id"), nullable=False),
    Column("scan_id", _Id, ForeignKey("scans.id"), nullable=False),
    Column("options", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("stage", String(16)),
    Column("created", _Time, nullable=False),
    Column("started", _Time),
    Column("ended", _Time),
    Column("deadline", _Time, nullable=False),
    Column("expires", _Time),
    Column("error_code", String(64)),
    Column("error_detail", String(1000)),
    Column("filed", Integer, nullable=False, server_default="0"),
    Column("offers", JSON),
    Column("model", String(64)),
    Column("warnings", JSON),
    Column("measured", Integer, nullable=False, server_default="0"),
    Column("used_model", String(64)),
    Index(None, "filed"),
    Index(None, "tenant", "seq"),
    Index(None, "state", "seq"),
    Index(None, "expires"),
)

stage_runs = Table(
    "stage_runs",
    metadata,
    _job_id(primary_key=True),
    Column("stage", String(16), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("progress", Float, nullable=False),
    Column("worker", String(100)),
    Column("lease_until", _Time),
    Column("ring_at", _Time),
    Column("started", _Time),
    Column("ended", _Time),
    Index(None, "state", "stage", "ring_at"),
    Index(None, "stage", "ended"),
)

last_claims = Table(
    "last_claims",
    metadata,
    Column("stage", String(16), primary_key=True),
    Column("tenant", _Id, ForeignKey("tenants.id"), primary_key=True),
    Column("at", _Time, nullable=False),
)

artifacts = Table(
    "artifacts",
    metadata,
    _job_id(primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("stage", String(16), nullable=False),
    Column("key", String(200), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("bytes", BigInteger, nullable=False),
)

file_runs = Table(
    "file_runs",
    metadata,
    _job_id(primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("worker", String(100)),
    Column("lease_until", _Time),
    Column("ring_at", _Time),
    Column("requested", _Time, nullable=False),
    Column("ended", _Time),
    Column("error_code", String(64)),
    Index(None, "state", "ring_at"),
)

descriptions = Table(
    "descriptions",
    metadata,
    _job_id(primary_key=True),
    Column("name", String(200), nullable=False, server_default=""),
    Column("note", String(4000), nullable=False, server_default=""),
    Column("tags", JSON),
    Column("review", String(20), nullable=False, server_default="unread"),
    Column("modality", String(2), nullable=False, server_default=""),
    Column("model", String(200), nullable=False, server_default=""),
    Column("words", String(7000), nullable=False, server_default=""),
    Column("reviewed_by", String(100), nullable=False, server_default=""),
    Column("reviewed_at", _Time),
)

warnings = Table(
    "warnings",
    metadata,
    _job_id(primary_key=True),
    Column("code", String(64), primary_key=True),
    Index(None, "code"),
)

measurements = Table(
    "measurements",
    metadata,
    _job_id(primary_key=True),
    Column("id", _Id, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("plane", String(16), nullable=False),
    Column("points", JSON, nullable=False),
    Column("value", _Time),
    Column("unit", String(16)),
    Column("statistics", JSON),
    Column("label", String(200), nullable=False),
    Column("actor", String(100), nullable=False),
    Column("created", _Time, nullable=False),
    Column("number", Integer, nullable=False),
)

saved_views = Table(
    "saved_views",
    metadata,
    _job_id(primary_key=True),
    Column("id", _Id, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("look", JSON, nullable=False),
    Column("actor", String(100), nullable=False),
    Column("created", _Time, nullable=False),
    Column("number", Integer, nullable=False),
)

viewers = Table(
    "viewers",
    metadata,
    _job_id(primary_key=True),
    Column("until", _Time, nullable=False),
)

early_parts = Table(
    "early_parts",
    metadata,
    _job_id(primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("attempt", Integer, nullable=False),
    Column("axis", Integer, nullable=False),
    Column("start", Integer, nullable=False),
    Column("stop", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

revisions = Table(
    "revisions",
    metadata,
    _job_id(primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("base", Integer, nullable=False),
    Column("actor", String(100), nullable=False),
    Column("created", _Time, nullable=False),
    Column("kinds", JSON, nullable=False),
    Column("changed", JSON, nullable=False),
    Column("offers", JSON),
    Column("filed", Integer, nullable=False, server_default="0"),
    Index(None, "filed"),
)

revision_artifacts = Table(
    "revision_artifacts",
    metadata,
    _job_id(primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("stage", String(16), nullable=False),
    Column("key", String(200), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("bytes", BigInteger, nullable=False),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("tenant", _Id, primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("subject", _Id, nullable=False),
    Column("created", _Time, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("id", _Counter, primary_key=True, autoincrement=True),
    _job_id(primary_key=False),
    Column("at", _Time, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("data", JSON, nullable=False),
    Index(None, "job_id", "id"),
)

workers = Table(
    "workers",
    metadata,
    Column("id", String(100), primary_key=True),
    Column("stage", String(16), nullable=False),
    Column("seen", _Time, nullable=False),
    Column("model", JSON),
)

pending_deletes = Table(
    "doomed",
    metadata,
    Column("prefix", String(200), primary_key=True),
    Column("at", _Time, nullable=False),
)

pending_puts = Table(
    "pending_puts",
    metadata,
    Column("prefix", String(200), primary_key=True),
    Column("due", _Time, nullable=False),
    Index(None, "due"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", _Counter, primary_key=True, autoincrement=True),
    Column("at", _Time, nullable=False),
    Column("tenant", _Id, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("actor", String(100), nullable=False),
    Column("action", String(32), nullable=False),
    Column("object", String(100), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("digest", String(64), nullable=False),
    UniqueConstraint("tenant", "number"),
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("tenant", _Id, ForeignKey("tenants.id"), nullable=False),
    Column("url", String(2000), nullable=False),
    Column("kinds", JSON, nullable=False),
    Column("secrets", JSON, nullable=False),
    Column("created", _Time, nullable=False),
    Index(None, "tenant"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("seq", _Counter, primary_key=True, autoincrement=True),
    Column("id", _Id, nullable=False, unique=True),
    Column("tenant", _Id, ForeignKey("tenants.id"), nullable=False),
    Column("webhook_id", _Id, ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("payload", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due", _Time),
    Column("status", Integer),
    Column("reason", String(200)),
    Column("created", _Time, nullable=False),
    Column("ended", _Time),
    Index(None, "state", "due"),
    Index(None, "webhook_id", "seq"),
)
