"""`viscera keys` and `viscera audit` on a ledger of their own."""

import json

import pytest
from sqlalchemy import text

from services import cli
from shared.ledger import api_keys
from shared.settings import settings
from tests.support import contracts


@pytest.fixture
def ledger(tmp_path):
    with contracts.sqlite(tmp_path) as ledger:
        yield ledger


def call(capsys, *arguments: str) -> str:
    cli.main(arguments)
    return capsys.readouterr().out


def test_keys_are_made_listed_and_revoked(capsys, tmp_path, ledger):
    place = ("--data", str(tmp_path))
    made = call(capsys, "keys", "create", "--tenant", "ward", "--name", "n", "--scopes", "jobs:read", *place)
    key_id, key, _ = made.splitlines()
    with ledger.read() as connection:
        found = api_keys.caller(connection, key)
    assert (found.key_id, found.tenant, found.scopes) == (key_id, "ward", frozenset({"jobs:read"}))
    listed = call(capsys, "keys", "list", *place)
    assert key not in listed
    assert f"{key_id}  ward  {key[:8]}...  valid  jobs:read  n" in listed
    call(capsys, "keys", "revoke", key_id, *place)
    assert "revoked" in call(capsys, "keys", "list", *place)


def test_the_ledger_of_the_settings_is_the_default(capsys, monkeypatch, tmp_path, ledger):
    monkeypatch.setenv("VISCERA_LEDGER_URL", f"sqlite:///{tmp_path / 'ledger.db'}")
    settings.cache_clear()
    assert call(capsys, "keys", "create").startswith("key_")


def test_the_trail_is_verified_and_printed(capsys, tmp_path, ledger):
    place = ("--data", str(tmp_path))
    call(capsys, "keys", "create", *place)
    assert "default: 1 records, unbroken" in call(capsys, "audit", "verify", *place)
    assert json.loads(call(capsys, "audit", "export", *place))["action"] == "create_key"
    assert json.loads(call(capsys, "audit", "export", "--format", "fhir", *place))["resourceType"] == "Bundle"
    with ledger.write() as connection:
        connection.execute(text("UPDATE audit SET actor = 'somebody'"))
    with pytest.raises(SystemExit) as end:
        cli.main(("audit", "verify", *place))
    assert end.value.code == 1


@pytest.mark.parametrize("arguments", [("keys", "revoke", "key_x"), ("keys", "create", "--scopes", "all")])
def test_mistakes_are_told_in_a_sentence(capsys, tmp_path, ledger, arguments):
    with pytest.raises(SystemExit):
        cli.main((*arguments, "--data", str(tmp_path)))
    assert "viscera: There is no" in capsys.readouterr().err


def test_a_folder_without_a_ledger_is_no_reason_to_make_one(capsys, tmp_path):
    with pytest.raises(SystemExit):
        cli.main(("keys", "list", "--data", str(tmp_path / "none")))
    assert "no_ledger" in capsys.readouterr().err
