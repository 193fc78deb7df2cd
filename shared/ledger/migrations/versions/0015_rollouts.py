"""roll-outs of models: which share of the jobs of a modality gets a model"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("models", sa.Column("modalities", sa.JSON(), nullable=True))
    op.add_column("models", sa.Column("channels", sa.Integer(), nullable=True))
    op.create_table(
        "rollouts",
        sa.Column("modality", sa.String(length=2), nullable=False),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("share", sa.Integer(), nullable=False),
        sa.Column("since", sa.Float(53), nullable=False),
        sa.ForeignKeyConstraint(["model"], ["models.key"], name=op.f("fk_rollouts_model")),
        sa.PrimaryKeyConstraint("modality", name=op.f("pk_rollouts")),
    )


def downgrade() -> None:
    op.drop_table("rollouts")
    op.drop_column("models", "channels")
    op.drop_column("models", "modalities")
