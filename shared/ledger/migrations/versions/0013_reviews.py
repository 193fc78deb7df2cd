"""who chose the review state of a job, and when"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("descriptions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("reviewed_by", sa.String(length=100), server_default="", nullable=False))
        batch_op.add_column(sa.Column("reviewed_at", sa.Float(53), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("descriptions", schema=None) as batch_op:
        batch_op.drop_column("reviewed_at")
        batch_op.drop_column("reviewed_by")
