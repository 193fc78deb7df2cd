"""early outlines: who looks, and the slices that are finished while the segmenter works"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_OWN = "EXISTS (SELECT 1 FROM jobs WHERE jobs.id = job_id)"


def upgrade() -> None:
    op.create_table(
        "viewers",
        sa.Column("job_id", sa.String(length=40), nullable=False),
        sa.Column("until", sa.Float(53), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_viewers_job_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_viewers")),
    )
    op.create_table(
        "early_parts",
        sa.Column("job_id", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("axis", sa.Integer(), nullable=False),
        sa.Column("start", sa.Integer(), nullable=False),
        sa.Column("stop", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_early_parts_job_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "number", name=op.f("pk_early_parts")),
    )
    if op.get_bind().dialect.name == "postgresql":
        for table in ("viewers", "early_parts"):
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
            op.execute(f"CREATE POLICY tenant_wall ON {table} USING ({_OWN})")


def downgrade() -> None:
    op.drop_table("early_parts")
    op.drop_table("viewers")
