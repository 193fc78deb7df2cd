"""When each tenant's work was last claimed, so that tenants take turns"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_OWN = "coalesce(current_setting('viscera.tenant', true), '') IN ('', tenant)"


def upgrade() -> None:
    op.create_table(
        "last_claims",
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"], name=op.f("fk_last_claims_tenant")),
        sa.PrimaryKeyConstraint("stage", "tenant", name=op.f("pk_last_claims")),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE last_claims ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE last_claims FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant_wall ON last_claims USING ({_OWN})")


def downgrade() -> None:
    op.drop_table("last_claims")
