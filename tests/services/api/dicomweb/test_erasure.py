"""An erased study is in no table of PostgreSQL any more; its log and its backups are the operator's."""

import shutil
import subprocess

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.engine import make_url

from services import reconciler
from services.api.app import create_app
from shared.ledger import api_keys, open_ledger
from shared.pacs import series
from shared.storage.connect import open_store
from shared.worker.queue import make_app
from tests.services.api.conftest import KEY
from tests.support import contracts
from tests.support.multipart import content_type, multipart, with_uid
from tests.support.postgresql import programs

TOKEN = "CANARY7F3A"


@pytest.fixture
def database(postgresql):
    return contracts.postgresql_url(postgresql)


def dump(database):
    """All rows of all tables, also those that row-level security hides."""
    url = make_url(database).set(username="viscera", drivername="postgresql")
    command = [
        shutil.which("pg_dump") or programs() / "pg_dump",
        "--inserts",
        url.render_as_string(hide_password=False),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def test_no_row_names_the_patient_of_an_erased_study(settings, database, files):
    settings = settings.model_copy(update={"ledger_url": database, "series_quiet_seconds": 0.0})
    ledger, store = open_ledger(database), open_store(settings.store_url)
    with ledger.write() as connection:
        api_keys.add_key(connection, KEY, "default")
    personal = {"PatientName": f"{TOKEN}^N", "PatientID": TOKEN, "AccessionNumber": TOKEN, "StudyDescription": TOKEN}
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": content_type()}
    with TestClient(create_app(settings), headers=headers) as client:
        sent = multipart([with_uid(file, **personal, PatientBirthDate="19010203") for file in files])
        assert client.post("/dicom-web/studies", content=sent).status_code == 200
        assert len(series.close_quiet(ledger, store, settings)) == 1
        assert client.get(f"/dicom-web/workitems?PatientID={TOKEN}").status_code == 200
        before = dump(database)
        assert before.count(TOKEN) > 4
        assert "19010203" in before
        study = client.get("/dicom-web/studies").json()[0]["0020000D"]["Value"][0]
        assert client.delete(f"/v1/dicom/studies/{study}").status_code == 204
    reconciler.reconcile(ledger, store, make_app(settings.broker_url, answer_within=0.1), 10.0)
    after = dump(database)
    assert "INSERT INTO public.audit" in after
    assert TOKEN not in after
    assert "19010203" not in after
    assert list(store.keys()) == []
    ledger.close()
