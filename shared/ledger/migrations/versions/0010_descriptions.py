"""what people write about a job, and what its stages found, to search for"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_OWN = "EXISTS (SELECT 1 FROM jobs WHERE jobs.id = job_id)"


def upgrade() -> None:
    op.create_table(
        "descriptions",
        sa.Column("job_id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=200), server_default="", nullable=False),
        sa.Column("note", sa.String(length=4000), server_default="", nullable=False),
        sa.Column("tags", sa.JSON(), nullable=True),
        sa.Column("review", sa.String(length=20), server_default="unread", nullable=False),
        sa.Column("modality", sa.String(length=2), server_default="", nullable=False),
        sa.Column("model", sa.String(length=200), server_default="", nullable=False),
        sa.Column("words", sa.String(length=7000), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_descriptions_job_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_descriptions")),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE descriptions ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE descriptions FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant_wall ON descriptions USING ({_OWN})")


def downgrade() -> None:
    op.drop_table("descriptions")
