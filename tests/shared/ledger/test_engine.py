"""A process that vanishes or stalls in the middle of a transaction holds the others up only so long."""

import pytest
from sqlalchemy import text

from shared.errors import Unavailable
from shared.ledger import api_keys, engine, jobs, tables
from shared.ledger.engine import open_ledger
from tests.support import contracts


@pytest.fixture
def database(postgresql):
    return contracts.postgresql_url(postgresql)


@pytest.fixture
def ledger(database):
    made = open_ledger(database)
    with made.write() as connection:
        jobs.ensure_tenant(connection, "t")
    yield made
    made.close()


def of(connection, name):
    return connection.execute(text(f"SHOW {name}")).scalar_one()


def test_every_connection_is_bounded_and_notices_a_host_that_vanished(ledger):
    with ledger.read() as connection:
        assert of(connection, "lock_timeout") == "15s"
        assert of(connection, "idle_in_transaction_session_timeout") == "1min"
        told = connection.connection.dbapi_connection.info.get_parameters()
    assert {"keepalives_idle": "15", "tcp_user_timeout": "30000"}.items() <= told.items()


def test_what_an_url_sets_stands(database):
    ledger = open_ledger(database + ("&" if "?" in database else "?") + "connect_timeout=3")
    with ledger.read() as connection:
        assert connection.connection.dbapi_connection.info.get_parameters()["connect_timeout"] == "3"
    ledger.close()


def locked(connection):
    return connection.execute(text("SELECT id FROM tenants WHERE id = 't' FOR UPDATE")).scalar_one()


def test_a_lock_that_is_not_given_up_is_answered_as_a_ledger_out_of_reach(ledger, database, monkeypatch):
    monkeypatch.setitem(engine.LIMITS, "lock_timeout", "200ms")
    other = open_ledger(database)
    with ledger.write() as holder:
        locked(holder)
        with pytest.raises(Unavailable), other.write() as waiting:
            locked(waiting)
    other.close()


def test_who_says_nothing_more_loses_its_locks_and_is_told_so_when_it_wakes(database, ledger, monkeypatch):
    monkeypatch.setitem(engine.LIMITS, "idle_in_transaction_session_timeout", "300ms")
    silent = open_ledger(database)

    def fall_silent():
        with silent.write() as holder:
            locked(holder)
            with ledger.write() as waiting:
                assert locked(waiting) == "t"
            locked(holder)

    with pytest.raises(Unavailable):
        fall_silent()
    with silent.write() as again:
        assert locked(again) == "t"
    silent.close()


def test_what_was_erased_is_in_no_file_of_sqlite(tmp_path):
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    ledger.migrate()
    canary = "CANARY^ERASED"
    with ledger.write() as connection:
        jobs.ensure_tenant(connection, "t")
        key_id = api_keys.add_key(connection, api_keys.new_key(), "t", name=canary)
    ledger.overwrite_erased()
    with ledger.write() as connection:
        connection.execute(tables.api_keys.delete().where(tables.api_keys.c.id == key_id))
    ledger.overwrite_erased()
    with ledger.read() as connection:
        assert connection.exec_driver_sql("PRAGMA secure_delete").scalar() == 1
    for path in tmp_path.iterdir():
        assert canary.encode() not in path.read_bytes(), path.name
    ledger.close()
