"""One place that says on which real components the seams are tested."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from shared.ledger import Ledger, open_ledger
from shared.storage.base import Store
from shared.storage.connect import open_store


@contextmanager
def sqlite(folder: Path) -> Iterator[Ledger]:
    """A fresh, migrated ledger in a file."""
    made = open_ledger(f"sqlite:///{folder / 'ledger.db'}")
    made.migrate()
    yield made
    made.close()


def create_database(server: str) -> str:
    """The URL of a fresh database on a PostgreSQL server, owned by a role that no row-level security lets pass."""
    name = f"viscera_{uuid.uuid4().hex}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE ROLE {name} LOGIN"))
        connection.execute(text(f"CREATE DATABASE {name} OWNER {name}"))
    admin.dispose()
    return make_url(server).set(username=name, database=name).render_as_string(hide_password=False)


@contextmanager
def postgresql(server: str) -> Iterator[Ledger]:
    """A fresh, migrated ledger in a database of its own; the server goes with the session."""
    made = open_ledger(create_database(server))
    made.migrate()
    yield made
    made.close()


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
