"""what the headers of a scan say, what is unusual about it for the model of a job, and workitems that ask for a job"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("scans", sa.Column("about", sa.JSON(), nullable=True))
    op.add_column("jobs", sa.Column("warnings", sa.JSON(), nullable=True))
    op.add_column("dicom_workitems", sa.Column("series", sa.String(length=64), nullable=True))
    op.create_index(op.f("ix_dicom_workitems_series"), "dicom_workitems", ["series"])


def downgrade() -> None:
    op.drop_index(op.f("ix_dicom_workitems_series"), "dicom_workitems")
    op.drop_column("dicom_workitems", "series")
    op.drop_column("jobs", "warnings")
    op.drop_column("scans", "about")
