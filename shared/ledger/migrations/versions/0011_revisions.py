"""Revisions of a result, which people make"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_OWN = "EXISTS (SELECT 1 FROM jobs WHERE jobs.id = job_id)"
_TABLES = ("revisions", "revision_artifacts")


def upgrade() -> None:
    op.create_table(
        "revisions",
        sa.Column("job_id", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("base", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("created", sa.Float(53), nullable=False),
        sa.Column("kinds", sa.JSON(), nullable=False),
        sa.Column("changed", sa.JSON(), nullable=False),
        sa.Column("offers", sa.JSON(), nullable=True),
        sa.Column("filed", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_revisions_job_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "number", name=op.f("pk_revisions")),
    )
    op.create_index(op.f("ix_revisions_filed"), "revisions", ["filed"], unique=False)
    op.create_table(
        "revision_artifacts",
        sa.Column("job_id", sa.String(length=40), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_revision_artifacts_job_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "revision", "name", name=op.f("pk_revision_artifacts")),
    )
    op.add_column("dicom_results", sa.Column("revision", sa.Integer(), server_default="1", nullable=False))
    with op.batch_alter_table("dicom_deliveries", schema=None) as batch_op:
        batch_op.add_column(sa.Column("revision", sa.Integer(), server_default="1", nullable=False))
        batch_op.drop_constraint(op.f("uq_dicom_deliveries_job_id_destination"), type_="unique")
        batch_op.create_unique_constraint(
            op.f("uq_dicom_deliveries_job_id_revision_destination"), ["job_id", "revision", "destination"]
        )
    if op.get_bind().dialect.name == "postgresql":
        for table in _TABLES:
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
            op.execute(f"CREATE POLICY tenant_wall ON {table} USING ({_OWN})")


def downgrade() -> None:
    op.execute("DELETE FROM dicom_deliveries WHERE revision > 1")
    with op.batch_alter_table("dicom_deliveries", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("uq_dicom_deliveries_job_id_revision_destination"), type_="unique")
        batch_op.create_unique_constraint(op.f("uq_dicom_deliveries_job_id_destination"), ["job_id", "destination"])
        batch_op.drop_column("revision")
    with op.batch_alter_table("dicom_results", schema=None) as batch_op:
        batch_op.drop_column("revision")
    for table in reversed(_TABLES):
        op.drop_table(table)
