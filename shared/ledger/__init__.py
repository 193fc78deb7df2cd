"""The job ledger: the one place that knows the state of every job; the queue is only a doorbell.

Plain SQLAlchemy Core statements that mean the same on SQLite and PostgreSQL. Functions live in one module per noun
(`jobs`, `claims`, `sweep`, `access`, `workers`) and take an open connection, so that what belongs together shares
one transaction:

    with ledger.write() as connection:
        job = jobs.create(connection, ...)
"""

from shared.ledger.engine import Ledger, open_ledger

__all__ = ["Ledger", "open_ledger"]
