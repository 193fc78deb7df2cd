"""The job ledger: the only place that knows the state of every job.

Plain SQLAlchemy Core statements that mean the same on SQLite and PostgreSQL. There is one module per noun (`jobs`,
`claims`, `sweep`, `api_keys`, `workers`). Functions take an open connection, so that statements that belong together
share one transaction:

    with ledger.write() as connection:
        job = jobs.create(connection, ...)
"""

from shared.ledger.engine import Ledger, open_ledger

__all__ = ["Ledger", "open_ledger"]
