"""One place that says on which real components the seams are tested.

A ledger test runs on SQLite and, where a server's address is given, on PostgreSQL.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text

from shared.ledger import Ledger, open_ledger

LEDGERS = ("sqlite", "postgresql")


@contextmanager
def ledger(kind: str, folder: Path) -> Iterator[Ledger]:
    """A fresh, migrated ledger of this kind."""
    if kind == "sqlite":
        made = open_ledger(f"sqlite:///{folder / 'ledger.db'}")
        made.migrate()
        yield made
        made.close()
        return
    server = os.environ["VISCERA_TEST_POSTGRESQL"]
    name = f"viscera_{uuid.uuid4().hex}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    made = open_ledger(f"{server.rpartition('/')[0]}/{name}")
    try:
        made.migrate()
        yield made
    finally:
        made.close()
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()
