"""roll-outs of models: which share of the jobs of a modality gets a model, and what is counted of each model"""

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
    op.add_column("jobs", sa.Column("used_model", sa.String(length=64), nullable=True))
    op.create_table(
        "model_outcomes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=True),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_outcomes")),
    )
    op.create_table(
        "model_times",
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("first", sa.Float(53), nullable=True),
        sa.Column("last", sa.Float(53), nullable=False),
        sa.PrimaryKeyConstraint("model", name=op.f("pk_model_times")),
    )
    op.create_table(
        "model_jobs",
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("model", "state", name=op.f("pk_model_jobs")),
    )
    op.create_table(
        "model_values",
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("quantity", sa.String(length=200), nullable=False),
        sa.Column("period", sa.Integer(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.Float(53), nullable=False),
        sa.Column("squares", sa.Float(53), nullable=False),
        sa.PrimaryKeyConstraint("model", "quantity", "period", name=op.f("pk_model_values")),
    )
    op.create_table(
        "shadow_runs",
        sa.Column("job_id", sa.String(length=40), nullable=False),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("started", sa.Float(53), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_shadow_runs_job_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "model", name=op.f("pk_shadow_runs")),
    )
    if op.get_bind().dialect.name == "postgresql":
        own = "EXISTS (SELECT 1 FROM jobs WHERE jobs.id = job_id)"
        op.execute("ALTER TABLE shadow_runs ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE shadow_runs FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant_wall ON shadow_runs USING ({own})")


def downgrade() -> None:
    for table in ("shadow_runs", "model_values", "model_jobs", "model_times", "model_outcomes"):
        op.drop_table(table)
    op.drop_column("jobs", "used_model")
    op.drop_table("rollouts")
    op.drop_column("models", "channels")
    op.drop_column("models", "modalities")
