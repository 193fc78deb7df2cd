"""Alembic's entry point: migrates the connection that `Ledger.migrate` passes."""

from alembic import context

from shared.ledger import model_tables  # noqa: F401 - adds its tables to the metadata
from shared.ledger.dicom import tables  # noqa: F401 - the same
from shared.ledger.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
