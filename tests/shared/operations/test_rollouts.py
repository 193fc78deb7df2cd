"""Roll-outs from a container: one command begins, lists and ends them, on the ledger of the settings."""

import sys

import pytest

from shared.ledger import models, open_ledger
from shared.operations import rollouts
from tests.support import contracts


@pytest.fixture
def ledger(tmp_path, monkeypatch):
    monkeypatch.setenv("VISCERA_LEDGER_URL", contracts.sqlite_url(tmp_path))
    opened = open_ledger(contracts.sqlite_url(tmp_path))
    with opened.write() as connection:
        models.report(connection, [models.KnownModel("1" * 64, "liver", "2", True, ("MR", "CT"))])
    yield opened
    opened.close()


def run(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["rollouts", *words])
    rollouts.main()


def test_a_roll_out_begins_is_listed_and_ends(ledger, monkeypatch, capsys):
    run(monkeypatch, "begin", "liver@2", "--share", "20")
    assert "liver 2 gets 20 % of the jobs of CT that name no model." in capsys.readouterr().out
    run(monkeypatch, "list")
    assert "Roll-out: liver 2 gets 20 % of the jobs of MR." in capsys.readouterr().out
    run(monkeypatch, "end")
    assert "No further job of MR gets liver 2" in capsys.readouterr().out


def test_what_can_not_begin_is_one_sentence_and_a_status(ledger, monkeypatch):
    with pytest.raises(SystemExit, match=r"there are: liver\. \(unknown_model\)"):
        run(monkeypatch, "begin", "spleen", "--share", "20")
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, "begin", "liver")
    assert ended.value.code == 2


def test_tables_of_an_earlier_version_are_named(tmp_path):
    old = open_ledger(f"sqlite:///{tmp_path / 'old.db'}")
    old.migrate("0014")
    with pytest.raises(rollouts.VisceraError, match="of an earlier version"):
        rollouts.every(old)
    old.close()
