"""Measurements that people make on a scan, kept with its job"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_OWN = "EXISTS (SELECT 1 FROM jobs WHERE jobs.id = job_id)"


def upgrade() -> None:
    op.create_table(
        "measurements",
        sa.Column("job_id", sa.String(length=40), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("plane", sa.String(length=16), nullable=False),
        sa.Column("points", sa.JSON(), nullable=False),
        sa.Column("value", sa.Float(53), nullable=False),
        sa.Column("unit", sa.String(length=16), nullable=False),
        sa.Column("statistics", sa.JSON(), nullable=True),
        sa.Column("label", sa.String(length=200), nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("created", sa.Float(53), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_measurements_job_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "id", name=op.f("pk_measurements")),
    )
    op.add_column("jobs", sa.Column("measured", sa.Integer(), server_default="0", nullable=False))
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE measurements ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE measurements FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant_wall ON measurements USING ({_OWN})")


def downgrade() -> None:
    op.drop_column("jobs", "measured")
    op.drop_table("measurements")
