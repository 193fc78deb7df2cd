"""What of a scan or job has been written down in the store"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("scans", "jobs"):
        op.add_column(table, sa.Column("filed", sa.Integer(), nullable=False, server_default="0"))
        op.create_index(op.f(f"ix_{table}_filed"), table, ["filed"], unique=False)


def downgrade() -> None:
    for table in ("scans", "jobs"):
        op.drop_index(op.f(f"ix_{table}_filed"), table_name=table)
        op.drop_column(table, "filed")
