"""The doctor finds what is wrong, says it in words, and is content with a system that is well."""

import pytest
from sqlalchemy import text, update

from services import cli
from services.doctor import examine
from shared import sandbox
from shared.ledger import audit, claims, jobs, open_ledger, workers
from shared.ledger.tables import events
from shared.settings import Settings
from tests.shared.ledger.conftest import add_job
from tests.support import contracts


@pytest.fixture
def settings(tmp_path):
    made = Settings(
        ledger_url=contracts.sqlite_url(tmp_path), store_url=f"file://{tmp_path / 'store'}",
        broker_url="redis://127.0.0.1:1/0", spool=tmp_path, free_bytes=1,
    )  # fmt: skip
    ledger = open_ledger(made.ledger_url)
    with ledger.write() as connection:
        for stage in jobs.STAGES:
            workers.seen(connection, workers.Worker(stage, stage, {"provider": "cpu", "card": {}}))
    ledger.close()
    return made


@pytest.fixture
def ledger(settings):
    made = open_ledger(settings.ledger_url)
    yield made
    made.close()


def wrong(settings, **given):
    return [finding.text for finding in examine(settings, **given) if not finding.well]


def test_a_system_that_is_well_gets_no_complaint(settings):
    assert wrong(settings, broker=False) == []


def test_the_isolation_of_decoders_is_named(settings, monkeypatch):
    def line():
        return next(finding for finding in examine(settings, broker=False) if "isolation" in finding.text)

    assert line().text == f"Decoder isolation: {', '.join(sandbox.mechanisms())}."
    monkeypatch.setattr(sandbox, "mechanisms", list)
    assert "none" in line().text
    assert line().well


def test_a_dead_broker_a_full_disk_and_a_missing_store_are_named(settings, tmp_path):
    (tmp_path / "file").write_text("")
    sick = settings.model_copy(update={"free_bytes": 2**60, "store_url": f"file://{tmp_path / 'file' / 'store'}"})
    found = " ".join(wrong(sick))
    assert "broker is not available" in found
    assert "free for uploads" in found
    assert "file store can't be written" in found


def test_a_missing_worker_a_fallen_back_provider_a_long_wait_and_lost_leases_are_named(settings, ledger):
    waiting, lost = add_job(ledger), add_job(ledger)
    with ledger.write() as connection:
        workers.gone(connection, "mesher")
        workers.seen(connection, workers.Worker("segmenter", "segmenter", {"provider": "tensorrt", "card": {}}))
        connection.execute(update(events).where(events.c.job_id == waiting).values(at=events.c.at - 500))
        claims.claim(connection, lost, "classifier", "w", lease=-1.0)
    found = " ".join(wrong(settings, broker=False))
    for words in ("No mesher is alive", "Settings say cpu", "1 wait for the classifier", "is a reconciler running?"):
        assert words in found


def test_a_ledger_that_can_not_be_read_and_a_broken_trail_are_named(settings, ledger, tmp_path):
    with ledger.write() as connection:
        jobs.ensure_tenant(connection, "t")
        audit.record(connection, "t", "key", "read", "job")
        connection.execute(text("UPDATE audit SET action = 'write'"))
    assert any("Record 1 of tenant t" in finding for finding in wrong(settings, broker=False))
    away = settings.model_copy(update={"ledger_url": f"sqlite:///{tmp_path / 'none' / 'ledger.db'}"})
    assert any("ledger can't be read" in finding for finding in wrong(away, broker=False))


def test_the_command_prints_findings_and_exits_1_for_a_sick_system(capsys, settings, tmp_path, ledger):
    cli.main(("doctor", "--data", str(tmp_path)))
    assert "ok     The ledger is available." in capsys.readouterr().out
    with ledger.write() as connection:
        workers.gone(connection, "mesher")
    with pytest.raises(SystemExit) as end:
        cli.main(("doctor", "--data", str(tmp_path)))
    assert end.value.code == 1
    assert "WRONG  No mesher is alive" in capsys.readouterr().out
