"""who chose the review state of a job, and when; the warnings of its result, to search for"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_OWN = "EXISTS (SELECT 1 FROM jobs WHERE jobs.id = job_id)"


def upgrade() -> None:
    with op.batch_alter_table("descriptions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("reviewed_by", sa.String(length=100), server_default="", nullable=False))
        batch_op.add_column(sa.Column("reviewed_at", sa.Float(53), nullable=True))
    op.create_table(
        "warnings",
        sa.Column("job_id", sa.String(length=40), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_warnings_job_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "code", name=op.f("pk_warnings")),
    )
    op.create_index(op.f("ix_warnings_code"), "warnings", ["code"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE warnings ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE warnings FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant_wall ON warnings USING ({_OWN})")


def downgrade() -> None:
    op.drop_table("warnings")
    with op.batch_alter_table("descriptions", schema=None) as batch_op:
        batch_op.drop_column("reviewed_at")
        batch_op.drop_column("reviewed_by")
