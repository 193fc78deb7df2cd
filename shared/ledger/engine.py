"""Opens the ledger, and defines its clock."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Connection, Engine, Float, Table, create_engine, event, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DataError, InternalError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from shared.errors import Unavailable, Unprocessable
from shared.telemetry.metrics import meters, timed

if TYPE_CHECKING:
    from alembic.config import Config

logger = logging.getLogger("viscera.ledger")


class now(FunctionElement[float]):  # noqa: N801 - a SQL function
    """The database's clock in seconds since 1970; every lease and deadline uses it."""

    type = Float(53)
    inherit_cache = True


@compiles(now, "sqlite")
def _now_sqlite(_element: now, _compiler: Any, **_: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(now, "postgresql")
def _now_postgresql(_element: now, _compiler: Any, **_: Any) -> str:
    return "extract(epoch from clock_timestamp())::double precision"


def insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT of the connection's dialect that supports ON CONFLICT (both dialects spell it alike)."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


POOL: dict[str, Any] = {"pool_size": 5, "max_overflow": 40, "pool_timeout": 10.0}
"""Connections: as many as a gateway has threads; most are closed again after a peak."""

REACH: dict[str, Any] = {
    "connect_timeout": 10, "keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}  # fmt: skip
"""libpq settings that detect a vanished database host within half a minute; the URL may overrule them."""
LIMITS = {"lock_timeout": "15s", "idle_in_transaction_session_timeout": "60s"}
"""How long PostgreSQL lets a transaction wait for a lock, and how long an idle transaction keeps its locks."""
SILENT = "25P03"
"""SQLSTATE of a transaction that PostgreSQL ended because it was idle for too long."""


class Ledger:
    """An open ledger: transactions for reading and for writing."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @contextmanager
    def write(self, tenant: str | None = None) -> Iterator[Connection]:
        """Open a transaction that may write; it commits at the end and rolls back on an error.

        With a `tenant`, PostgreSQL's row-level security hides the rows of all other tenants.
        """
        with _timed("write"), _explained(), self.engine.begin() as connection:
            _confine(connection, tenant)
            yield connection

    @contextmanager
    def read(self, tenant: str | None = None) -> Iterator[Connection]:
        """Open a transaction that only reads and blocks no writer; `tenant` as for `write`."""
        with _timed("read"), _explained(), self.engine.connect() as connection:
            reading = connection.execution_options(viscera_read=True)
            _confine(reading, tenant)
            yield reading

    def migrate(self, revision: str = "head") -> None:
        """Migrate the tables to a revision, by default the newest; tables of newer code are not changed."""
        from alembic import command

        config = _alembic()
        with self.engine.begin() as connection:
            if _distance(connection, config) == "ahead":
                logger.warning("the tables of the ledger belong to newer code; they are not changed")
                return
            config.attributes["connection"] = connection
            command.upgrade(config, revision)

    def is_ready(self) -> bool:
        """Return whether the tables belong to this code or to newer code, which this code can use as well."""
        with self.read() as connection:
            return _distance(connection, _alembic()) != "behind"

    def overwrite_erased(self) -> None:
        """Remove erased rows from SQLite's log, which keeps old pages; PostgreSQL's is its operator's matter.

        While another process reads, the log stays until the next call.
        """
        if self.engine.dialect.name != "sqlite":
            return
        connection = self.engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            connection.close()

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def open_ledger(url: str) -> Ledger:
    """Open the ledger at a SQLAlchemy URL (sqlite:///... or postgresql+psycopg://...)."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        reach = {name: value for name, value in REACH.items() if name not in parsed.query}
        engine = create_engine(parsed, pool_pre_ping=True, connect_args=reach, **POOL)
        event.listen(engine, "connect", _postgresql_settings)
        return Ledger(engine)
    engine = create_engine(parsed, connect_args={"timeout": 5.0}, **POOL)
    event.listen(engine, "connect", _sqlite_settings)
    event.listen(engine, "begin", _sqlite_begin)
    return Ledger(engine)


def _alembic() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations").resolve()))
    return config


def _distance(connection: Connection, config: Config) -> Literal["behind", "here", "ahead"]:
    """Return how the tables relate to this code; a revision that this code does not know is a newer one."""
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(config)
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
        return "ahead"
    return "here" if current == scripts.get_current_head() else "behind"


def _sqlite_settings(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # only _sqlite_begin sends BEGIN
    pragmas = ("journal_mode=WAL", "busy_timeout=5000", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON")
    for pragma in pragmas:
        connection.execute(f"PRAGMA {pragma}")


def _postgresql_settings(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        for name, value in LIMITS.items():  # not as start-up options, which PgBouncer refuses
            cursor.execute("SELECT set_config(%s, %s, false)", (name, value))
    connection.commit()


def _sqlite_begin(connection: Connection) -> None:
    # A transaction that reads and then writes fails at once, despite the timeout, unless it is IMMEDIATE.
    reading = connection.get_execution_options().get("viscera_read")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _confine(connection: Connection, tenant: str | None) -> None:
    if tenant is not None and connection.dialect.name == "postgresql":
        connection.execute(select(func.set_config("viscera.tenant", tenant, True)))


@contextmanager
def unconfined(connection: Connection) -> Iterator[None]:
    """Disable row-level security while the context lasts, for counts over all tenants."""
    if connection.dialect.name != "postgresql":
        yield
        return
    tenant = connection.execute(select(func.current_setting("viscera.tenant", True))).scalar()
    connection.execute(select(func.set_config("viscera.tenant", "", True)))
    yield
    connection.execute(select(func.set_config("viscera.tenant", tenant or "", True)))


def _timed(kind: str) -> AbstractContextManager[None]:
    return timed(meters().ledger_seconds, kind, errors=(Unavailable, ProgrammingError, InternalError))


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (OperationalError, PoolTimeout, InternalError) as error:
        if isinstance(error, InternalError) and getattr(error.orig, "sqlstate", None) != SILENT:
            raise
        raise Unavailable("The job ledger is not available; try again in a moment.", "ledger_unavailable") from error
    except (DataError, UnicodeEncodeError) as error:  # NUL on PostgreSQL, half a surrogate pair on both
        logger.info("a value can't be stored", extra={"kind": type(error).__name__})
        raise Unprocessable("A text has a character that can't be stored.", "invalid_request") from error
