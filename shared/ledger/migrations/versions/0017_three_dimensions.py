"""arrows, which have no value, and saved views of the model"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_OWN = "EXISTS (SELECT 1 FROM jobs WHERE jobs.id = job_id)"


def upgrade() -> None:
    with op.batch_alter_table("measurements", schema=None) as batch_op:
        batch_op.alter_column("value", existing_type=sa.Float(53), nullable=True)
        batch_op.alter_column("unit", existing_type=sa.String(length=16), nullable=True)
    op.create_table(
        "saved_views",
        sa.Column("job_id", sa.String(length=40), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("look", sa.JSON(), nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("created", sa.Float(53), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_saved_views_job_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "id", name=op.f("pk_saved_views")),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE saved_views ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE saved_views FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant_wall ON saved_views USING ({_OWN})")


def downgrade() -> None:
    op.drop_table("saved_views")
    # Software before this revision knows no points on surfaces.
    op.execute("DELETE FROM measurements WHERE plane = 'surface'")
    with op.batch_alter_table("measurements", schema=None) as batch_op:
        batch_op.alter_column("unit", existing_type=sa.String(length=16), nullable=False)
        batch_op.alter_column("value", existing_type=sa.Float(53), nullable=False)
