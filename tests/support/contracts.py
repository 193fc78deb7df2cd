"""One place that says on which real components the seams are tested."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import boto3
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from shared.ledger import Ledger, open_ledger
from shared.storage.base import Store
from shared.storage.connect import open_store


@cache
def _migrated_file() -> bytes:
    """The bytes of a migrated SQLite ledger: copying them takes a tenth of the time of the migrations."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        ledger = open_ledger(f"sqlite:///{path}")
        ledger.migrate()
        ledger.close()
        return path.read_bytes()


def sqlite_url(folder: Path) -> str:
    """The URL of a fresh, migrated ledger in the file `ledger.db` of a folder."""
    (folder / "ledger.db").write_bytes(_migrated_file())
    return f"sqlite:///{folder / 'ledger.db'}"


@contextmanager
def sqlite(folder: Path) -> Iterator[Ledger]:
    """A fresh, migrated ledger in a file."""
    ledger = open_ledger(sqlite_url(folder))
    yield ledger
    ledger.close()


def create_database(server: str) -> str:
    """The URL of a fresh database on a PostgreSQL server, owned by a role that no row-level security lets pass."""
    name = f"viscera_{uuid.uuid4().hex}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE ROLE {name} LOGIN"))
        connection.execute(text(f"CREATE DATABASE {name} OWNER {name}"))
    admin.dispose()
    return make_url(server).set(username=name, database=name).render_as_string(hide_password=False)


@cache
def _migrated_database(server: str) -> str:
    """The name of a migrated database on a server, and of the role that owns it: other databases are its copies."""
    url = create_database(server)
    ledger = open_ledger(url)
    ledger.migrate()
    ledger.close()
    return str(make_url(url).database)


def postgresql_url(server: str) -> str:
    """The URL of a fresh, migrated database on a PostgreSQL server."""
    template, name = _migrated_database(server), f"viscera_{uuid.uuid4().hex}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template} OWNER {template}"))
    admin.dispose()
    return make_url(server).set(username=template, database=name).render_as_string(hide_password=False)


@contextmanager
def postgresql(server: str) -> Iterator[Ledger]:
    """A fresh, migrated ledger in a database of its own; the server goes with the session."""
    ledger = open_ledger(postgresql_url(server))
    yield ledger
    ledger.close()


LEDGERS = {"sqlite": sqlite, "postgresql": postgresql}


def local_store(folder: Path) -> Store:
    """A store in an empty folder."""
    return open_store(f"file://{folder / 'store'}")


def s3_bucket(endpoint: str) -> str:
    """The URL of a store in a fresh bucket on a server."""
    bucket = f"viscera-{uuid.uuid4().hex}"
    boto3.client("s3", endpoint_url=endpoint).create_bucket(Bucket=bucket)
    return f"s3://{bucket}/some/prefix?endpoint={endpoint}"


STORES = {"local": local_store, "s3": lambda endpoint: open_store(s3_bucket(endpoint))}
