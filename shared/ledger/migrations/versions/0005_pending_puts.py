"""Store prefixes at which bytes are being stored that no row owns yet"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A table of its own: an older reconciler deletes everything in "doomed" at once.
    op.create_table(
        "pending_puts",
        sa.Column("prefix", sa.String(length=200), nullable=False),
        sa.Column("due", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint("prefix", name=op.f("pk_pending_puts")),
    )
    op.create_index(op.f("ix_pending_puts_due"), "pending_puts", ["due"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_pending_puts_due"), table_name="pending_puts")
    op.drop_table("pending_puts")
