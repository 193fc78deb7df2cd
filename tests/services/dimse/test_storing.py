"""A PACS verifies and stores by DIMSE: what is answered with success is stored once, all else has the right status."""

import shutil
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import CTImageStorage, MRImageStorage

from shared.errors import TooMany
from shared.intake.instances import Intake, Part, describe_files
from shared.intake.limits import Limits
from shared.ledger import jobs
from shared.pacs import instance_list
from shared.pacs import series as work
from shared.sandbox.session import Session
from shared.storage.base import sha256
from shared.storage.connect import open_store
from shared.telemetry.metrics import meters
from tests.services.dimse.conftest import association, encoded, send, store, stored, uids
from tests.shared.ledger.conftest import add_job
from tests.support import dcmtk
from tests.support.waiting import until

CALL = ("-aet", "SCANNER", "-aec", "VISCERA", "127.0.0.1")


def counted(status):
    return meters().registry.get_sample_value("viscera_dimse_instances_total", {"status": status}) or 0.0


def read(path, **changes):
    dataset = pydicom.dcmread(path)
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    return dataset


def test_verification_is_answered_and_another_title_is_not(port):
    status, output = dcmtk.run("echoscu", *CALL, port)
    assert (status, "Received Echo Response (Success)" in output) == (0, True)
    status, output = dcmtk.run("echoscu", "-aet", "SCANNER", "-aec", "OTHER", "127.0.0.1", port)
    assert status != 0
    assert "Called AE Title Not Recognized" in output


def test_a_series_is_stored_once_however_often_it_is_sent_and_makes_one_job(port, folder, files, ledger, settings):
    before, bytes_store = counted("0000"), open_store(settings.store_url)
    for _ in range(2):
        status, output = dcmtk.run("storescu", "+sd", *CALL, port, folder)
        assert (status, output.count("Received Store Response (Success)")) == (0, 6)
    assert counted("0000") - before == 12
    sent = {dataset.SOPInstanceUID: dataset for dataset in map(pydicom.dcmread, files)}
    assert stored(ledger) == [(next(iter(sent.values())).SeriesInstanceUID, 6)]
    kept = [key for key in bytes_store.keys("dicom/") if key.endswith("/original")]
    assert len(kept) == 6
    for key in kept:
        with bytes_store.file(key) as path:
            dataset = pydicom.dcmread(path)
            assert path.read_bytes()[:132] == b"\0" * 128 + b"DICM"
        assert dataset == sent[dataset.SOPInstanceUID]
        assert not list(settings.spool.rglob("*.dcm"))
    (job,) = work.close_quiet(ledger, bytes_store, settings.model_copy(update={"series_quiet_seconds": 0.0}))
    with ledger.read() as connection:
        scan = jobs.get_scan(connection, "default", jobs.get(connection, "default", job).scan_id)
    assert len(instance_list.read(bytes_store, scan.key)) == 6


def test_what_came_by_http_is_the_same_instance_by_c_store(port, files, ledger, settings):
    """The file that STOW-RS stores has the sender's own file meta information."""
    add_job(ledger, "default")  # creates the tenant
    part = Part(Path(shutil.copy(files[0], settings.spool / "part")), sha256(files[0]), files[0].stat().st_size)
    Intake("gateway", ledger, open_store(settings.store_url), settings).keep("default", [part], None, describe_files)
    with association(port) as caller:
        assert send(caller, read(files[0])) == 0
    assert len(uids(ledger)) == 1


def test_each_failure_has_its_status_and_the_association_goes_on(port, files, ledger, monkeypatch):
    real, first = Session.call, read(files[0])

    def fragile(session, name, *seconds, files):
        if b"KILLER" in Path(files[0][0]).read_bytes():
            session._child.kill()
            session._child.wait()
        return real(session, name, *seconds, files=files)

    monkeypatch.setattr(Session, "call", fragile)
    with association(port) as caller:
        statuses = [
            send(caller, first),
            send(caller, read(files[0], PatientID="other")),
            store(caller, encoded(first), CTImageStorage, first.SOPInstanceUID),
            store(caller, encoded(first), first.SOPClassUID, "1.2.3"),
            send(caller, read(files[1], StudyInstanceUID="")),
            store(caller, b"\xff" * 4000, MRImageStorage, "1.2.4"),
            send(caller, read(files[2], PatientID="KILLER")),
            send(caller, read(files[1])),
        ]
    assert [f"{status:04X}" for status in statuses] == ["0000", "B006", "A900", "A900", "A900", "A900", "C000", "0000"]
    assert [count for _, count in stored(ledger)] == [2]


@pytest.mark.parametrize(
    ("changes", "statuses"),
    [({"queue_bound": 1}, [0xA700] * 2), ({"requests_per_minute": 2}, [0, 0xA700]), ({"free_bytes": 2**60}, None)],
)
def test_the_limits_of_the_gateway_apply(serving, files, ledger, changes, statuses):
    add_job(ledger, "default")
    with serving(**changes) as (port, _), association(port) as caller:
        if statuses is None:
            assert caller.is_rejected
        else:
            assert [send(caller, read(path)) for path in files[:2]] == statuses
    assert len(uids(ledger)) == (statuses or []).count(0)


def test_a_sender_above_the_rate_waits_and_loses_no_image(serving, files, monkeypatch):
    real, refusals = Limits.request, []

    def counting(limits, tenant):
        try:
            real(limits, tenant)
        except TooMany:
            refusals.append(tenant)
            raise

    monkeypatch.setattr(Limits, "request", counting)
    with serving(requests_per_minute=120) as (port, node), association(port) as caller:
        node.limits._buckets["default"].tokens = 0.0
        assert [send(caller, read(path)) for path in files[:2]] == [0, 0]
    assert refusals


def test_a_tenant_has_as_many_associations_as_uploads_at_once(serving):
    with serving(uploads_at_once=1) as (port, _):
        with association(port) as first, association(port) as second:
            assert (first.is_established, second.is_rejected) == (True, True)
        until(lambda: accepted(port))


def accepted(port):
    with association(port) as caller:
        return caller.is_established


@pytest.mark.filterwarnings("ignore:Invalid value")
def test_nothing_personal_is_logged(serving, files, caplog):
    caplog.set_level("DEBUG")
    with serving() as (port, _), association(port) as caller:
        send(caller, read(files[0], PatientBirthDate="CANARY", SeriesInstanceUID="1.CANARY"))
        store(caller, encoded(read(files[1]))[:300], MRImageStorage, "1.2.CANARY")
        send(caller, read(files[1]))
    until(lambda: "association" in caplog.messages)
    assert "CANARY" not in caplog.text
