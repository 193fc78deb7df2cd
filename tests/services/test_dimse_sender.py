"""Results reach an application entity by C-STORE: dcmtk's storescp has them, or the failure says why."""

import shutil
import subprocess
import time
from contextlib import contextmanager

import psutil
import pydicom
import pytest
from pydicom.uid import MRImageStorage, RawDataStorage
from pynetdicom import AE, evt

from services import dimse_sender
from services.certificate import self_signed
from services.dicom_sender import deliver_one
from services.local import free_port
from shared.imaging.phantoms import abdomen
from shared.ledger.dicom import deliveries, instances
from shared.ledger.dicom.instances import About, Instance
from shared.outbound import destinations
from shared.outbound.destinations import BadDestinations, NotDelivered
from shared.pacs import instance_list
from tests.shared.ledger.conftest import add_job, ledger  # noqa: F401 - on both databases
from tests.support import contracts
from tests.support.scans import small_grid, write_dicom


@pytest.fixture
def store(tmp_path):
    return contracts.local_store(tmp_path)


@pytest.fixture
def contents(store, tmp_path):
    """Two instances in the store: an image, and one of another SOP class."""
    written = sorted(write_dicom(tmp_path / "scan", abdomen(small_grid(shape=(2, 20, 24))).volume).iterdir())
    other = pydicom.dcmread(written[1])
    other.SOPClassUID = other.file_meta.MediaStorageSOPClassUID = RawDataStorage
    other.save_as(written[1])
    pairs = []
    for number, path in enumerate(written, start=1):
        pairs.append((f"inst_{number}", pydicom.dcmread(path).SOPInstanceUID))
        shutil.copy(path, tmp_path / "copy")
        store.put(instance_list.instance_key(f"inst_{number}"), tmp_path / "copy")
    return pairs


def known(tmp_path, port, more="", scheme="dimse"):
    path = tmp_path / "destinations.toml"
    url = f"{scheme}://PACS@localhost:{port}"
    path.write_text(f'[[destination]]\nname = "pacs"\nurl = "{url}"\nseconds = 5.0\n{more}')
    return destinations.load(path)


@contextmanager
def storescp(folder, *options):
    """dcmtk's storage node; yields its port once it listens."""
    if shutil.which("storescp") is None:
        pytest.skip("dcmtk is not installed: storescp")
    port = free_port()
    folder.mkdir()
    command = ["storescp", "-v", "-aet", "PACS", "-od", str(folder), *map(str, options), str(port)]
    with (folder.parent / "storescp.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        until = time.monotonic() + 20.0
        while not any(line.status == psutil.CONN_LISTEN for line in psutil.Process(process.pid).net_connections()):
            assert time.monotonic() < until
            time.sleep(0.02)
        yield port
    finally:
        process.kill()
        process.wait()


def received(folder):
    return {dataset.SOPInstanceUID: dataset for dataset in map(pydicom.dcmread, folder.iterdir())}


def assert_arrived(store, contents, folder):
    arrived = received(folder)
    assert set(arrived) == {uid for _, uid in contents}
    for instance, uid in contents:
        with store.file(instance_list.instance_key(instance)) as path:
            assert arrived[uid] == pydicom.dcmread(path)


@pytest.mark.parametrize("options", [(), ("+xi",)])
def test_all_arrive_as_they_are_or_in_implicit_vr_where_that_is_all_that_is_taken(store, contents, tmp_path, options):
    with storescp(tmp_path / "pacs", *options) as port:
        dimse_sender.send(store, known(tmp_path, port)["pacs"], contents)
    assert_arrived(store, contents, tmp_path / "pacs")


def test_over_tls_each_shows_its_certificate(store, contents, tmp_path):
    theirs, ours = self_signed(tmp_path / "theirs", ["localhost"]), self_signed(tmp_path / "ours")
    options = ("+tls", theirs.key, theirs.certificate, "+cf", ours.certificate)
    with storescp(tmp_path / "pacs", *options) as port:
        trusted = f'ca_file = "{theirs.certificate}"\n'
        shown = f'certificate_file = "{ours.certificate}"\nkey_file = "{ours.key}"\n'
        for more in (shown, trusted):
            with pytest.raises(NotDelivered, match="can't be reached"):
                dimse_sender.send(store, known(tmp_path, port, more, "dimses")["pacs"], contents)
        dimse_sender.send(store, known(tmp_path, port, trusted + shown, "dimses")["pacs"], contents)
    assert_arrived(store, contents, tmp_path / "pacs")


@pytest.mark.parametrize(
    ("classes", "status", "said"),
    [
        ((MRImageStorage, RawDataStorage), 0xA700, "did not store 2 of 2 instances: status A700"),
        ((MRImageStorage, RawDataStorage), 0xB007, None),
        ((MRImageStorage,), 0x0000, "1 of 2 instances: Raw Data Storage is not accepted"),
    ],
)
def test_what_is_not_stored_is_named(store, contents, tmp_path, classes, status, said):
    entity = AE(ae_title="PACS")
    for sop_class in classes:
        entity.add_supported_context(sop_class)
    server = entity.start_server(
        ("127.0.0.1", 0), block=False, ae_title="PACS", evt_handlers=[(evt.EVT_C_STORE, lambda _: status)]
    )
    try:
        to = known(tmp_path, server.server_address[1])["pacs"]
        if said is None:
            dimse_sender.send(store, to, contents)
            return
        with pytest.raises(NotDelivered, match=said):
            dimse_sender.send(store, to, contents)
    finally:
        server.shutdown()


def test_a_delivery_is_tried_again_until_the_node_is_there(ledger, store, contents, tmp_path):  # noqa: F811
    job = add_job(ledger)
    with ledger.write() as connection:
        for (instance, uid), modality in zip(contents, ("SEG", "M3D"), strict=True):
            stored = Instance(instance, "1.1", f"1.1.{instance[-1]}", uid, "1.5", "1.2", "0" * 64, 9, 0, 0)
            instances.add(connection, "t", stored, About({}, {}, modality, "", "", "", ""), result_of=job)
        deliveries.plan(connection, "t", job, ["pacs"])
    only = 'modalities = ["SEG"]\n'
    assert deliver_one(ledger, store, known(tmp_path, free_port(), only))
    with ledger.write() as connection:
        (delivery,) = deliveries.page(connection, "t")
        assert (delivery.state, delivery.error) == (
            "pending",
            "The destination can't be reached, or ended the association.",
        )
        deliveries.retry(connection, "t", delivery.id)
    with storescp(tmp_path / "refusing", "--refuse") as port:
        assert deliver_one(ledger, store, known(tmp_path, port, only))
    with ledger.write() as connection:
        (delivery,) = deliveries.page(connection, "t")
        assert "rejected the association" in delivery.error
        deliveries.retry(connection, "t", delivery.id)
    with storescp(tmp_path / "pacs") as port:
        assert deliver_one(ledger, store, known(tmp_path, port, only))
    with ledger.read() as connection:
        assert [delivery.state for delivery in deliveries.page(connection, "t")] == ["delivered"]
    assert set(received(tmp_path / "pacs")) == {contents[0][1]}, "only the results that the destination wants"


@pytest.mark.parametrize(
    "line",
    ['url = "dimse://localhost:104"', 'url = "dimse://A@b"', 'url = "dimse://A@b:104"\nauthorization_env = "X"',
     'url = "https://b/"\ncalling_aet = "A"', 'url = "dimse://A@b:104"\nmodalities = ["MR"]'],
)  # fmt: skip
def test_a_destination_that_is_not_valid_is_refused(tmp_path, line):
    path = tmp_path / "destinations.toml"
    path.write_text(f'[[destination]]\nname = "pacs"\n{line}\n')
    with pytest.raises(BadDestinations):
        destinations.load(path)
