"""Scopes, shares, clients, direct uploads, webhooks, retention; the audit trail becomes a chain"""

import hashlib
import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "assertions",
        sa.Column("client", sa.String(length=100), nullable=False),
        sa.Column("jti", sa.String(length=64), nullable=False),
        sa.Column("expires", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint("client", "jti", name=op.f("pk_assertions")),
    )
    op.create_table(
        "clients",
        sa.Column("id", sa.String(length=100), nullable=False),
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("jwks", sa.JSON(), nullable=True),
        sa.Column("jwks_url", sa.String(length=1000), nullable=True),
        sa.Column("created", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"], name=op.f("fk_clients_tenant")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clients")),
    )
    op.create_table(
        "uploads",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("token", sa.String(length=1000), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("part_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("scan_id", sa.String(length=40), nullable=True),
        sa.Column("created", sa.Float(precision=53), nullable=False),
        sa.Column("expires", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"], name=op.f("fk_uploads_tenant")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uploads")),
    )
    with op.batch_alter_table("uploads", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_uploads_tenant_created"), ["tenant", "created"], unique=False)

    op.create_table(
        "webhooks",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("kinds", sa.JSON(), nullable=False),
        sa.Column("secrets", sa.JSON(), nullable=False),
        sa.Column("created", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"], name=op.f("fk_webhooks_tenant")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
    )
    with op.batch_alter_table("webhooks", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_webhooks_tenant"), ["tenant"], unique=False)

    op.create_table(
        "deliveries",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("webhook_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due", sa.Float(precision=53), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("created", sa.Float(precision=53), nullable=False),
        sa.Column("ended", sa.Float(precision=53), nullable=True),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"], name=op.f("fk_deliveries_tenant")),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.id"], name=op.f("fk_deliveries_webhook_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("id", name=op.f("uq_deliveries_id")),
    )
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_deliveries_state_due"), ["state", "due"], unique=False)
        batch_op.create_index(batch_op.f("ix_deliveries_webhook_id_seq"), ["webhook_id", "seq"], unique=False)

    with op.batch_alter_table("api_keys", schema=None) as batch_op:
        batch_op.add_column(sa.Column("name", sa.String(length=100), server_default="", nullable=False))
        batch_op.add_column(sa.Column("prefix", sa.String(length=16), server_default="", nullable=False))
        batch_op.add_column(sa.Column("scopes", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("kind", sa.String(length=16), server_default="key", nullable=False))
        batch_op.add_column(sa.Column("job_id", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("parent", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("expires", sa.Float(precision=53), nullable=True))
        batch_op.create_index(batch_op.f("ix_api_keys_job_id"), ["job_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_api_keys_parent"), ["parent"], unique=False)
        batch_op.create_index(batch_op.f("ix_api_keys_tenant_created"), ["tenant", "created"], unique=False)
        batch_op.create_foreign_key(batch_op.f("fk_api_keys_job_id"), "jobs", ["job_id"], ["id"], ondelete="CASCADE")
        batch_op.create_foreign_key(
            batch_op.f("fk_api_keys_parent"), "api_keys", ["parent"], ["id"], ondelete="CASCADE"
        )

    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.add_column(sa.Column("number", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("outcome", sa.String(length=16), nullable=True))
        batch_op.add_column(sa.Column("digest", sa.String(length=64), nullable=True))
    with op.batch_alter_table("tenants", schema=None) as batch_op:
        batch_op.add_column(sa.Column("limits", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("audit_count", sa.BigInteger(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("audit_head", sa.String(length=64), server_default="", nullable=False))
    _chain(op.get_bind())
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.alter_column("number", existing_type=sa.BigInteger(), nullable=False)
        batch_op.alter_column("outcome", existing_type=sa.String(length=16), nullable=False)
        batch_op.alter_column("digest", existing_type=sa.String(length=64), nullable=False)
        batch_op.alter_column("actor", existing_type=sa.String(length=64), type_=sa.String(length=100))
        batch_op.alter_column("object", existing_type=sa.String(length=40), type_=sa.String(length=100))
        batch_op.create_unique_constraint(batch_op.f("uq_audit_tenant_number"), ["tenant", "number"])

    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("expires", sa.Float(precision=53), nullable=True))
        batch_op.create_index(batch_op.f("ix_jobs_expires"), ["expires"], unique=False)

    op.create_index(op.f("ix_stage_runs_stage_ended"), "stage_runs", ["stage", "ended"])
    if op.get_bind().dialect.name == "postgresql":
        _wall()


def _wall() -> None:
    """Row-level security: a transaction that names its tenant sees no other tenant's rows, whatever it asks."""
    mine = "coalesce(current_setting('viscera.tenant', true), '') IN ('', tenant)"
    ours = "EXISTS (SELECT 1 FROM jobs WHERE jobs.id = job_id)"
    walls = dict.fromkeys(
        ("scans", "jobs", "api_keys", "uploads", "audit", "webhooks", "deliveries", "idempotency", "clients"), mine
    ) | dict.fromkeys(("stage_runs", "artifacts", "events"), ours)
    for table, condition in walls.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant_wall ON {table} USING ({condition})")


def _chain(connection: sa.Connection) -> None:
    """Numbers and links the records that were written before there was a chain."""
    heads: dict[str, tuple[int, str]] = {}
    text = "SELECT id, at, tenant, actor, action, object FROM audit ORDER BY id"
    for row in connection.execute(sa.text(text)).all():
        number, head = heads.get(row.tenant, (0, ""))
        number += 1
        told = [head, number, row.at, row.tenant, row.actor, row.action, row.object, "success"]
        head = hashlib.sha256(json.dumps(told, separators=(",", ":")).encode()).hexdigest()
        heads[row.tenant] = number, head
        connection.execute(
            sa.text("UPDATE audit SET number = :n, outcome = 'success', digest = :d WHERE id = :i"),
            {"n": number, "d": head, "i": row.id},
        )
    for tenant, (number, head) in heads.items():
        connection.execute(
            sa.text("UPDATE tenants SET audit_count = :n, audit_head = :h WHERE id = :t"),
            {"n": number, "h": head, "t": tenant},
        )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table in ("scans", "jobs", "api_keys", "audit", "idempotency", "stage_runs", "artifacts", "events"):
            op.execute(f"DROP POLICY tenant_wall ON {table}")
            op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
            op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    op.drop_index(op.f("ix_stage_runs_stage_ended"), "stage_runs")
    with op.batch_alter_table("tenants", schema=None) as batch_op:
        batch_op.drop_column("audit_head")
        batch_op.drop_column("audit_count")
        batch_op.drop_column("limits")

    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_jobs_expires"))
        batch_op.drop_column("expires")

    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_audit_tenant_number"), type_="unique")
        batch_op.alter_column(
            "object", existing_type=sa.String(length=100), type_=sa.VARCHAR(length=40), existing_nullable=False
        )
        batch_op.alter_column(
            "actor", existing_type=sa.String(length=100), type_=sa.VARCHAR(length=64), existing_nullable=False
        )
        batch_op.drop_column("digest")
        batch_op.drop_column("outcome")
        batch_op.drop_column("number")

    with op.batch_alter_table("api_keys", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_api_keys_parent"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_api_keys_job_id"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_api_keys_parent"))
        batch_op.drop_column("parent")
        batch_op.drop_index(batch_op.f("ix_api_keys_tenant_created"))
        batch_op.drop_index(batch_op.f("ix_api_keys_job_id"))
        batch_op.drop_column("expires")
        batch_op.drop_column("job_id")
        batch_op.drop_column("kind")
        batch_op.drop_column("scopes")
        batch_op.drop_column("prefix")
        batch_op.drop_column("name")

    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_deliveries_webhook_id_seq"))
        batch_op.drop_index(batch_op.f("ix_deliveries_state_due"))

    op.drop_table("deliveries")
    with op.batch_alter_table("webhooks", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_webhooks_tenant"))

    op.drop_table("webhooks")
    with op.batch_alter_table("uploads", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_uploads_tenant_created"))

    op.drop_table("uploads")
    op.drop_table("clients")
    op.drop_table("assertions")
