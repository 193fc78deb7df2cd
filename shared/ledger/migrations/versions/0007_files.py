"""Files of a result that are written when they are requested"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_OWN = "EXISTS (SELECT 1 FROM jobs WHERE jobs.id = job_id)"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("offers", sa.JSON(), nullable=True))
    op.create_table(
        "file_runs",
        sa.Column("job_id", sa.String(length=40), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("worker", sa.String(length=100), nullable=True),
        sa.Column("lease_until", sa.Float(53), nullable=True),
        sa.Column("ring_at", sa.Float(53), nullable=True),
        sa.Column("requested", sa.Float(53), nullable=False),
        sa.Column("ended", sa.Float(53), nullable=True),
        sa.Column("error_code", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_file_runs_job_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "revision", "name", name=op.f("pk_file_runs")),
    )
    op.create_index(op.f("ix_file_runs_state_ring_at"), "file_runs", ["state", "ring_at"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE file_runs ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE file_runs FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant_wall ON file_runs USING ({_OWN})")


def downgrade() -> None:
    op.drop_table("file_runs")
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.drop_column("offers")
