"""What one caller does wrong costs bounded memory, disk and time, and no other caller's association."""

import socket
import struct
import threading

import pytest

from services.certificate import self_signed
from services.dimse import __main__ as program
from services.dimse import clients, transport
from shared.errors import VisceraError
from shared.settings import Settings
from shared.telemetry.metrics import meters
from tests.services.dimse.conftest import association, send, uids
from tests.services.dimse.test_storing import CALL, read
from tests.support import dcmtk
from tests.support.waiting import until


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=20.0)


def is_closed(caller):
    """Whether the node closes the connection, after it has said why."""
    try:
        while caller.recv(100):
            pass
    except ConnectionError:
        pass
    return True


def threads():
    return sum("AcceptorThread" in thread.name for thread in threading.enumerate())


@pytest.mark.parametrize("first", [b"\x01\x00\x7f\xff\xff\xff", b"\x04\x00\xff\xff\xff\xff", b"GET / HTTP/1.1\r\n\r\n"])
def test_a_pdu_of_gigabytes_or_none_at_all_closes_its_connection(port, files, ledger, first):
    with association(port) as other, connect(port) as caller:
        caller.sendall(first + b"\0" * 64)
        assert is_closed(caller)
        assert send(other, read(files[0])) == 0
    until(lambda: not threads())


def test_a_data_set_or_a_command_without_end_is_aborted_and_leaves_nothing(serving, files, ledger, settings):
    with serving(max_upload_bytes=300_000) as (port, node):
        with association(port) as caller:
            assert send(caller, read(files[0], PixelData=b"\0" * 3_000_000)) is None
        with association(port) as caller:
            pdv = struct.pack(">IBB", 60_002, 1, 0x01) + b"\0" * 60_000  # a fragment of a command, never the last
            for _ in range(4):
                caller.dul.socket.send(struct.pack(">BBI", 4, 0, len(pdv)) + pdv)
            until(lambda: not caller.is_established)
        with association(port) as caller:
            assert send(caller, read(files[1])) == 0
        until(lambda: not threads())
        assert not [path for path in node.folder.rglob("*") if path.is_file()]
    assert len(uids(ledger)) == 1


def test_a_caller_that_falls_silent_in_a_pdu_is_given_up(serving, monkeypatch):
    monkeypatch.setattr(transport, "PDU_SECONDS", 0.5)
    with serving() as (port, _), connect(port) as caller:
        caller.sendall(b"\x01\x00\x00\x00\x01\x00\x00")
        assert is_closed(caller)


def test_connections_are_counted_and_come_free(serving, monkeypatch):
    monkeypatch.setattr(transport, "MOST_CONNECTIONS", 2)
    with serving() as (port, _):
        with connect(port), connect(port), connect(port) as third:
            assert is_closed(third)
        until(lambda: dcmtk.run("echoscu", *CALL, port)[0] == 0)


def ended(outcome):
    """How many associations ended so."""
    return meters().registry.get_sample_value("viscera_dimse_associations_total", {"outcome": outcome}) or 0.0


def gauge(transport):
    """How many associations are open; None if there was none yet."""
    return meters().registry.get_sample_value("viscera_dimse_associations_open", {"transport": transport})


@pytest.fixture
def listed(tmp_path):
    path = tmp_path / "clients.toml"
    path.write_text(
        '[[client]]\naet = "MR1"\ntenant = "radiology"\nnetworks = ["127.0.0.0/8"]\n'
        '[[client]]\naet = "MONITOR"\ntenant = "radiology"\nstore = false\n'
        '[[client]]\naet = "ELSEWHERE"\ntenant = "radiology"\nnetworks = ["10.0.0.0/8"]\n'
    )
    return path


def test_only_listed_callers_store_each_for_its_tenant(serving, listed, files, ledger):
    with serving(listed) as (port, _):
        with association(port, "MR1") as caller:
            assert send(caller, read(files[0])) == 0
        with association(port, "MONITOR") as caller:
            assert send(caller, read(files[1])) == 0x0124
        for title in ("ELSEWHERE", "UNKNOWN"):
            status, output = dcmtk.run("echoscu", "-aet", title, "-aec", "VISCERA", "127.0.0.1", port)
            assert (status != 0, "Calling AE Title Not Recognized" in output) == (True, True)
        listed.write_text(listed.read_text() + '[[client]]\naet = "UNKNOWN"\ntenant = "other"\n')
        with association(port, "UNKNOWN") as caller:
            assert send(caller, read(files[0])) == 0, "another tenant's instance of that UID is its own"
        listed.write_text("no list")
        with association(port, "MR1") as caller:
            assert caller.is_rejected
    with ledger.read() as connection:
        tenants = connection.exec_driver_sql("SELECT tenant FROM dicom_instances").scalars().all()
    assert sorted(tenants) == ["other", "radiology"]


def test_a_node_does_not_start_open_to_a_network_or_with_a_bad_list(listed):
    clients.check(None, "127.0.0.1", "VISCERA")
    clients.check(listed, "0.0.0.0", "VISCERA")
    for path, host, title in ((None, "0.0.0.0", "VISCERA"), (None, "127.0.0.1", "A" * 17), (None, "::1", "A\\B")):
        with pytest.raises(VisceraError):
            clients.check(path, host, title)
    listed.write_text('[[client]]\naet = "MR1"\n')
    with pytest.raises(clients.BadClients, match=r"client\.0\.tenant"):
        clients.check(listed, "127.0.0.1", "VISCERA")


def test_with_tls_a_caller_needs_a_certificate_of_the_ca_and_a_silent_one_delays_nobody(serving, tmp_path, folder):
    node, scanner, stranger = (self_signed(tmp_path / name, ["localhost"]) for name in ("node", "scanner", "stranger"))
    tls = program.tls_context(
        Settings(dimse_tls_cert=node.certificate, dimse_tls_key=node.key, dimse_tls_ca=scanner.certificate)
    )
    listed = tmp_path / "clients.toml"
    digest = scanner.fingerprint.replace(":", "").lower()
    listed.write_text(f'[[client]]\naet = "SCANNER"\ntenant = "default"\ncertificate = "{digest}"\n')
    with serving(listed, tls) as (port, _), connect(port):

        def send_as(identity):
            tls_options = ("+tls", identity.key, identity.certificate, "+cf", node.certificate)
            return dcmtk.run("storescu", "+sd", *tls_options, *CALL, port, folder)

        before = ended("released")
        status, output = send_as(scanner)
        assert (status, output.count("Received Store Response (Success)")) == (0, 6), output
        until(lambda: ended("released") == before + 1)
        assert gauge("tls") == 0.0
        assert send_as(stranger)[0] != 0
        assert dcmtk.run("echoscu", *CALL, port)[0] != 0, "without TLS"


def test_settings_of_tls_that_do_not_fit_are_refused(tmp_path):
    files = self_signed(tmp_path, [])
    for settings in (
        Settings(dimse_tls_key=files.key),
        Settings(dimse_tls_cert=tmp_path / "missing"),
        Settings(dimse_tls_cert=files.certificate, dimse_tls_key=files.key, dimse_tls_ca=files.key),
    ):
        with pytest.raises(VisceraError):
            program.tls_context(settings)
