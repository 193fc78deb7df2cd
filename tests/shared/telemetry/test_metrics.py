"""Meters say what happened, and never stand in the way of work."""

import json
import logging
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from services.local import LocalSystem, free_port
from shared.errors import NotFound, Unavailable
from shared.ledger.jobs import STAGES
from shared.storage.metered import MeteredStore
from shared.telemetry import log, metrics
from tests.support import contracts


@pytest.fixture
def told(monkeypatch):
    """The value of a series of a fresh set of meters."""
    made = metrics.Meters()
    monkeypatch.setattr(metrics, "_meters", [made])
    return lambda name, **labels: made.registry.get_sample_value(f"viscera_{name}", labels) or 0.0


def test_calls_of_the_store_are_timed_and_their_bytes_counted(told, tmp_path):
    store = MeteredStore(contracts.local_store(tmp_path))
    (tmp_path / "source").write_bytes(b"12345")
    store.put("a/b", tmp_path / "source")
    with store.file("a/b") as path:
        assert path.read_bytes() == b"12345"
    assert b"".join(store.read("a/b", 1, 4)) == b"234"
    with pytest.raises(NotFound):
        store.read("a/none")
    assert told("store_seconds_count", call="read", outcome="ok") == 2
    assert told("store_seconds_count", call="put", outcome="error") == 0
    assert [told("store_bytes_total", call=call) for call in ("put", "file", "read")] == [5, 5, 3]


def test_a_store_that_is_away_is_an_error(told, tmp_path):
    store = contracts.local_store(tmp_path)
    (tmp_path / "source").write_bytes(b"1")
    (tmp_path / "store" / "a").write_text("a file where a folder should be")
    with pytest.raises(Unavailable):
        MeteredStore(store).put("a/b", tmp_path / "source")
    assert told("store_seconds_count", call="put", outcome="error") == 1
    assert told("store_bytes_total", call="put") == 0


def test_transactions_are_timed_and_only_a_ledger_that_is_away_is_an_error(told, tmp_path):
    with contracts.sqlite(tmp_path) as ledger:
        with pytest.raises(NotFound), ledger.read():
            raise NotFound("There is no such job.")
        assert told("ledger_seconds_count", kind="read", outcome="ok") == 1
        with pytest.raises(Unavailable), ledger.write():
            raise Unavailable("It is away.", "ledger_unavailable")
    assert told("ledger_seconds_count", kind="write", outcome="error") == 1


def test_a_successor_in_the_same_place_counts_on(tmp_path, monkeypatch):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    program = "from shared.telemetry import metrics; import sys; metrics.count_as(sys.argv[1]); " + (
        "metrics.meters().rounds.labels('done').inc(); import os; os.kill(os.getpid(), 9)"
    )
    for place in ("child0", "child0", "main"):
        killed = subprocess.run(
            [sys.executable, "-P", "-c", program, place], check=False, cwd=Path(__file__).parents[3]
        )
        assert killed.returncode == -9
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(tmp_path))
    assert registry.get_sample_value("viscera_reconciler_rounds_total", {"outcome": "done"}) == 3
    assert {path.stem.split("_")[-1] for path in tmp_path.iterdir()} == {"child0", "main"}


def test_a_port_that_is_taken_costs_a_line_in_the_log_and_no_work(caplog):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with caplog.at_level(logging.ERROR):
            metrics.serve("127.0.0.1", taken.getsockname()[1])
    assert "metrics can't be served" in caplog.text


def test_the_embedded_system_gives_every_process_a_port_of_its_own(tmp_path, monkeypatch):
    first = free_port()
    monkeypatch.setenv("VISCERA_BROKER_URL", "redis://127.0.0.1:1/0")
    children = LocalSystem(tmp_path)._children({"VISCERA_BROKER_URL": "", "VISCERA_METRICS_PORT": str(first)})
    ports = {child.name: int(child.environment["VISCERA_METRICS_PORT"]) for child in children}
    assert [ports[name] for name in (*STAGES, "reconciler")] == [first + place for place in range(4)]
    children = LocalSystem(tmp_path)._children({"VISCERA_BROKER_URL": ""})
    assert not any("VISCERA_METRICS_PORT" in child.environment for child in children)


def test_lines_name_what_they_are_about_and_nothing_after_it(capsys, monkeypatch):
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    log.configure()
    logger = logging.getLogger("viscera.test")
    with log.fields(job="job_1", stage="mesher"), log.fields(tenant="ward"):
        logger.info("inside")
    logger.info("outside")
    inside, outside = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (inside["job"], inside["stage"], inside["tenant"]) == ("job_1", "mesher", "ward")
    assert "job" not in outside
