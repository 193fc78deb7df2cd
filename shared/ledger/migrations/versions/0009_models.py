"""models: those that segmenters have, and the one that a job asks for"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("model", sa.String(length=64), nullable=True))
    op.create_table(
        "models",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("version", sa.String(length=100), nullable=False),
        sa.Column("offered", sa.Integer(), nullable=False),
        sa.Column("added", sa.Float(53), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_models")),
    )
    op.create_index(op.f("ix_models_name"), "models", ["name"], unique=False)


def downgrade() -> None:
    op.drop_table("models")
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.drop_column("model")
