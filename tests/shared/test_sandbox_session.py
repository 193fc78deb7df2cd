"""One child of the sandbox serves a sender's instances one by one, and sees only their folder."""

import signal

import pytest

from shared import sandbox
from shared.errors import CorruptScan, Unavailable
from shared.imaging.phantoms import abdomen
from shared.sandbox.session import Session
from tests.support.scans import small_grid, write_dicom


@pytest.fixture
def session(tmp_path):
    (tmp_path / "own").mkdir()
    session = Session(tmp_path / "own")
    yield session
    session.close()


def describe(session, path):
    return session.call("describe", files=[[str(path), f"{path}.json"]])["instances"][0]


def test_one_child_describes_a_folder_that_fills_and_nothing_outside_of_it(session, tmp_path):
    written = write_dicom(tmp_path / "all", abdomen(small_grid(shape=(3, 20, 24))).volume)
    first, second, outside = sorted(written.iterdir())
    uids = {describe(session, path.rename(session.folder / path.name))["instance"] for path in (first, second)}
    assert len(uids) == 2
    child = session._child.pid
    if sandbox.mechanisms():
        assert describe(session, outside) == {"error": "damaged"}
    (session.folder / "text").write_text("no DICOM")
    assert describe(session, session.folder / "text") == {"error": "not_dicom"}
    assert session._child.pid == child


def test_a_child_that_dies_is_the_fault_of_that_instance_and_the_next_call_has_a_new_one(session, tmp_path):
    (session.folder / "text").write_text("no DICOM")
    describe(session, session.folder / "text")
    session._child.send_signal(signal.SIGSEGV)
    session._child.wait()
    with pytest.raises(CorruptScan) as error:
        describe(session, session.folder / "text")
    assert error.value.code == "decoder_crashed"
    assert describe(session, session.folder / "text") == {"error": "not_dicom"}


@pytest.mark.parametrize(
    ("program", "error"), [("while True: pass", CorruptScan), ("import time; time.sleep(60)", Unavailable)]
)
def test_a_call_ends_in_time_and_says_whose_fault_it_is(session, monkeypatch, program, error):
    monkeypatch.setattr(sandbox, "ARGUMENTS", ["-c", program])
    monkeypatch.setattr(sandbox, "GRACE", 0.5)
    with pytest.raises(error):
        session.call("describe", 0.5, files=[])
    assert session._child is None
