import time
from contextlib import contextmanager
from functools import partial
from io import BytesIO

import pytest
from pydicom import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, MRImageStorage
from pynetdicom import AE
from pynetdicom.dimse_primitives import C_STORE
from sqlalchemy import select

from services.dimse.conversation import Conversation
from services.dimse.node import listening, open_node
from shared.imaging.phantoms import abdomen
from shared.ledger import open_ledger
from shared.ledger.dicom import series
from shared.ledger.dicom.tables import instances
from shared.settings import Settings
from shared.storage.connect import open_store
from tests.support.scans import small_grid, write_dicom

TITLE = "VISCERA"


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(
        ledger_url=f"sqlite:///{tmp_path / 'ledger.db'}",
        store_url=f"file://{tmp_path / 'store'}",
        spool=tmp_path / "spool",
        max_upload_bytes=2_000_000,
        free_bytes=0,
    )


@pytest.fixture
def ledger(settings):
    opened = open_ledger(settings.ledger_url)
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path):
    """Six slices of one series."""
    volume = abdomen(small_grid(shape=(6, 20, 24))).volume
    return write_dicom(tmp_path / "series", volume, StudyDate="20240102", PatientName="CANARY^A", PatientID="CANARY")


@pytest.fixture
def files(folder):
    return sorted(folder.iterdir())


@pytest.fixture
def serving(ledger, settings):
    """A function that opens a node on a free loopback port and returns the port and the node while the test lasts."""

    @contextmanager
    def serve(clients=None, tls=None, **changes):
        chosen = settings.model_copy(update=changes)
        with (
            open_node(chosen, TITLE, ledger, open_store(settings.store_url), clients) as node,
            listening(node, ("127.0.0.1", 0), tls, partial(Conversation, node)) as server,
        ):
            yield server.server_address[1], node

    return serve


@pytest.fixture
def port(serving):
    with serving() as (port, _):
        yield port


@contextmanager
def association(port, title="SCANNER", called=TITLE):
    """An association of pynetdicom's own for MR and CT images."""
    entity = AE(ae_title=title)
    for sop_class in (MRImageStorage, CTImageStorage):
        entity.add_requested_context(sop_class, ExplicitVRLittleEndian)
    associated = entity.associate("127.0.0.1", port, ae_title=called)
    try:
        yield associated
    finally:
        if associated.is_established:
            associated.release()


def send(associated, dataset):
    """The status of a C-STORE request."""
    return store(associated, encoded(dataset), dataset.SOPClassUID, dataset.SOPInstanceUID)


def store(associated, payload, sop_class, uid):
    """The status of a C-STORE request of any bytes; None where there was no answer."""
    request = C_STORE()
    request.MessageID, request.Priority = 1, 2
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID, request.DataSet = sop_class, uid, BytesIO(payload)
    context = associated._get_valid_context(sop_class, "", "scu")
    associated._reactor_checkpoint.clear()
    while not associated._is_paused:
        time.sleep(0.01)
    associated.dimse.send_msg(request, context.context_id)
    _, answer = associated.dimse.get_msg(block=True)
    associated._reactor_checkpoint.set()
    return None if answer is None else answer.Status


def encoded(dataset):
    """The bytes of a data set without file meta information."""
    plain, buffer = Dataset(dataset), BytesIO()
    plain.save_as(buffer, implicit_vr=False, little_endian=True, enforce_file_format=False)
    return buffer.getvalue()


def stored(ledger, tenant="default"):
    """The series of a tenant as (UID, number of instances)."""
    with ledger.read(tenant) as connection:
        return [(one.uid, one.instances) for one in series.list_series(connection, tenant)]


def uids(ledger):
    """Every stored SOP Instance UID, once per row."""
    with ledger.read() as connection:
        return list(connection.execute(select(instances.c.uid)).scalars())
