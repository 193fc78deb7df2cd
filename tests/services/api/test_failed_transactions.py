"""Nothing that was stored stays in the store if the ledger's transaction fails; on both databases, in both stores."""

import sqlite3
import threading
import time
from contextlib import closing

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text, update

from services import reconciler
from services.api.app import create_app
from services.api.routes import uploads as route
from shared.imaging.phantoms import abdomen
from shared.ledger import api_keys, jobs, open_ledger, pending_deletes, pending_puts
from shared.ledger.tables import pending_puts as announcements
from shared.ledger.tables import scans
from shared.storage.connect import open_store
from shared.worker.queue import make_app
from tests.services.api.conftest import KEY
from tests.services.api.test_jobs import assert_problem
from tests.services.api.test_uploads import begin, pieces
from tests.support import contracts
from tests.support.multipart import content_type, multipart
from tests.support.scans import small_grid, write_dicom

TABLES = ("scans", "dicom_instances", "uploads")


@pytest.fixture(params=["sqlite-local", "postgresql-s3"])
def settings(request, settings):
    if request.param == "sqlite-local":
        return settings
    given = {
        "ledger_url": contracts.postgresql_url(request.getfixturevalue("postgresql")),
        "store_url": contracts.s3_bucket(request.getfixturevalue("s3")),
    }
    return settings.model_copy(update=given)


@pytest.fixture
def client(settings):
    ledger = open_ledger(settings.ledger_url)
    with ledger.write() as connection:
        api_keys.add_key(connection, KEY, "default")
    ledger.close()
    headers = {"Authorization": f"Bearer {KEY}"}
    with TestClient(create_app(settings), headers=headers, raise_server_exceptions=False) as made:
        yield made


def refuse(ledger, *actions):
    """Make the database refuse statements such as "INSERT ON scans"; return what removes that again."""
    postgresql = ledger.engine.dialect.name == "postgresql"
    does = "FOR EACH ROW EXECUTE FUNCTION refused()" if postgresql else "BEGIN SELECT RAISE(ABORT, 'refused'); END"
    with ledger.write() as connection:
        if postgresql:
            body = "$$ BEGIN RAISE EXCEPTION 'refused'; END $$"
            connection.execute(text(f"CREATE FUNCTION refused() RETURNS trigger LANGUAGE plpgsql AS {body}"))
        for number, action in enumerate(actions):
            connection.execute(text(f"CREATE TRIGGER refuse_{number} BEFORE {action} {does}"))

    def accept():
        with ledger.write() as connection:
            for number, action in enumerate(actions):
                table = action.rpartition(" ON ")[2]
                connection.execute(text(f"DROP TRIGGER refuse_{number}" + (f" ON {table}" if postgresql else "")))

    return accept


def upload_job(client, scan, files):
    return client.post("/v1/jobs", content=scan)


def upload_scan(client, scan, files):
    return client.post("/v1/scans", content=scan)


def begin_parts(client, scan, files):
    return begin(client, scan)


def stow(client, scan, files):
    return client.post("/dicom-web/studies", content=multipart(files), headers={"Content-Type": content_type()})


def complete(client, scan, files):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(route, "PART", len(scan) // 3 + 1)
        made = begin(client, scan).json()
    for number, piece in pieces(scan, made).items():
        assert client.put(made["parts"][number - 1]["url"], content=piece).status_code == 204
    return client.post(f"/v1/uploads/{made['upload']}/complete")


SENDS = [upload_job, upload_scan, begin_parts, stow]


@pytest.fixture
def files(tmp_path):
    folder = write_dicom(tmp_path / "series", abdomen(small_grid(shape=(3, 20, 24))).volume)
    return [path.read_bytes() for path in sorted(folder.iterdir())]


def reconcile(settings, ledger):
    reconciler.reconcile(ledger, open_store(settings.store_url), make_app(settings.broker_url, answer_within=0.1), 10.0)


def stored(settings):
    return list(open_store(settings.store_url).keys())


@pytest.mark.parametrize("send", SENDS)
def test_a_failed_transaction_leaves_nothing(client, settings, ledger, scan, files, send):
    accept = refuse(ledger, *(f"INSERT ON {table}" for table in TABLES))
    assert send(client, scan, files).status_code == 500
    assert stored(settings) == []
    accept()
    assert send(client, scan, files).status_code < 300


@pytest.mark.parametrize("send", [upload_job, stow])
def test_a_ledger_that_stays_away_costs_a_sweep(client, settings, ledger, scan, files, send):
    accept = refuse(ledger, *(f"INSERT ON {table}" for table in TABLES), "DELETE ON pending_puts")
    assert send(client, scan, files).status_code == 500
    assert stored(settings) != []
    accept()
    reconcile(settings, ledger)
    assert stored(settings) != [], "it is not due yet: the process might still store"
    with ledger.write() as connection:
        connection.execute(update(announcements).values(due=0.0))
    reconcile(settings, ledger)
    assert stored(settings) == []


def test_a_completion_that_fails_belongs_to_its_upload(client, settings, ledger, scan, files):
    accept = refuse(ledger, "INSERT ON scans")
    assert complete(client, scan, files).status_code == 500
    accept()
    with ledger.write() as connection:
        connection.execute(text("UPDATE uploads SET expires = 1"))
    reconcile(settings, ledger)
    reconcile(settings, ledger)
    assert stored(settings) == []


def test_a_slow_store_is_not_swept(client, settings, ledger, scan, monkeypatch):
    gateway = client.app.state.gateway
    monkeypatch.setattr(gateway.settings, "lease_seconds", 1.5)
    put = gateway.store.store.put

    def slow(key, source):
        put(key, source)
        for _ in range(20):
            time.sleep(0.2)
            with ledger.write() as connection:
                assert pending_puts.sweep(connection) == 0

    monkeypatch.setattr(gateway.store.store, "put", slow)
    assert client.post("/v1/scans", content=scan).status_code == 201
    with ledger.read() as connection:
        assert pending_deletes.prefixes(connection) == []
        assert connection.execute(announcements.select()).all() == []
    assert [key.rpartition("/")[2] for key in stored(settings)] == ["manifest.json", "original"]


def test_bytes_that_were_swept_meanwhile_are_not_accepted(client, settings, ledger, scan, monkeypatch):
    store = client.app.state.gateway.store.store
    put = store.put

    def late(key, source):
        put(key, source)
        with ledger.write() as connection:
            connection.execute(update(announcements).values(due=0.0))
            pending_puts.sweep(connection)

    monkeypatch.setattr(store, "put", late)
    assert_problem(client.post("/v1/jobs", content=scan), 503, "store_unavailable")
    with ledger.read() as connection:
        assert connection.execute(scans.select()).all() == []
    assert stored(settings) == []


@pytest.mark.parametrize("settings", ["sqlite-local"], indirect=True)
def test_a_locked_ledger_refuses_before_anything_is_stored(client, settings, scan, files):
    with closing(sqlite3.connect(settings.ledger_url.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answers = []
        threads = [
            threading.Thread(target=lambda send=send: answers.append(send(client, scan, files))) for send in SENDS
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert stored(settings) == []
    for answer in answers:
        assert_problem(answer, 503, "ledger_unavailable")


def test_a_key_that_was_faster_costs_the_other_scan_its_bytes(client, settings, ledger, scan, monkeypatch):
    gateway = client.app.state.gateway
    put, answers = gateway.store.store.put, []

    def overtaken(key, source):
        monkeypatch.setattr(gateway.store.store, "put", put)
        answers.append(client.post("/v1/jobs", content=scan, headers={"Idempotency-Key": "k"}))
        put(key, source)

    monkeypatch.setattr(gateway.store.store, "put", overtaken)
    answers.append(client.post("/v1/jobs", content=scan, headers={"Idempotency-Key": "k"}))
    first, second = (answer.json()["id"] for answer in answers)
    assert first == second
    with ledger.read() as connection:
        owner = jobs.get(connection, "default", first).scan_id
    assert {key.split("/")[1] for key in stored(settings) if key.startswith("scans/")} == {owner}
