"""Results reach a DICOMweb server that confirms every instance, or the failure stays visible and can be retried."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from services.dicom_sender import deliver_one
from shared.errors import Conflict, NotFound
from shared.ledger import erasure
from shared.ledger.dicom import deliveries as dicom_deliveries
from shared.ledger.dicom import instances
from shared.ledger.dicom.instances import About, Instance
from shared.ledger.dicom.tables import deliveries
from shared.outbound import destinations
from shared.pacs import instance_list
from tests.shared.ledger.conftest import add_job, ledger  # noqa: F401 - on both databases
from tests.support import contracts

ABOUT = About({}, {}, "SEG", "", "", "", "")


class Pacs(ThreadingHTTPServer):
    """A DICOMweb server on a loopback port that answers as `behave` says, and remembers what it was told."""

    def __init__(self, port=0, handler=None):
        super().__init__(("127.0.0.1", port), handler or Handler)
        self.behave, self.requests = "store", []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = b""
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.requests.append((self.path, dict(self.headers), body))
        if self.path == "/token":
            return self.answer(200, {"access_token": "t0ken", "token_type": "Bearer"})
        uids = [uid for uid in ("1.2.1", "1.2.2") if uid.encode() in body]
        kept = {"store": uids, "lose one": uids[:1], "refuse": []}.get(self.server.behave, uids)
        items = [{"00081155": {"vr": "UI", "Value": [uid]}} for uid in kept]
        content = {"00081199": {"vr": "SQ", "Value": items}}
        if self.server.behave == "refuse":
            content = {"00081198": {"vr": "SQ", "Value": [{"00081197": {"vr": "US", "Value": [272]}}]}}
            return self.answer(409, content)
        if self.server.behave == "fall over":
            return self.answer(500, {})
        if self.server.behave == "say nothing":
            return self.answer(200, [])
        return self.answer(200, content)

    def answer(self, status, content):
        text = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@pytest.fixture
def pacs():
    with Pacs() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(10)


@pytest.fixture
def store(tmp_path):
    return contracts.local_store(tmp_path)


@pytest.fixture
def planned(ledger, store, tmp_path):  # noqa: F811
    job = add_job(ledger)
    with ledger.write() as connection:
        for number in (1, 2):
            made = Instance(f"inst_{number}", "1.1", "1.1.1", f"1.2.{number}", "1.5", "1.2", "0" * 64, 9, 0, 0)
            instances.add(connection, "t", made, ABOUT, result_of=job)
            (tmp_path / "f").write_bytes(f"DICM 1.2.{number}".encode())
            store.put(instance_list.instance_key(made.id), tmp_path / "f")
        dicom_deliveries.plan(connection, "t", job, ["pacs"])
        dicom_deliveries.plan(connection, "t", job, ["pacs"])
    return job


def known(pacs, tmp_path, more=""):
    path = tmp_path / "destinations.toml"
    path.write_text(f'[[destination]]\nname = "pacs"\nurl = "{pacs.url}/rs"\nseconds = 5.0\n{more}')
    return destinations.load(path)


def only(ledger):  # noqa: F811
    with ledger.read() as connection:
        (one,) = dicom_deliveries.page(connection, "t")
    return one


def make_due(ledger):  # noqa: F811
    with ledger.write() as connection:
        connection.execute(deliveries.update().values(due=0.0))


def test_a_delivery_is_sent_once_and_confirmed(ledger, store, planned, pacs, tmp_path):  # noqa: F811
    assert deliver_one(ledger, store, known(pacs, tmp_path))
    assert not deliver_one(ledger, store, known(pacs, tmp_path)), "nothing is due any more"
    path, headers, body = pacs.requests[0]
    assert (path, len(pacs.requests)) == ("/rs/studies", 1)
    assert headers["Content-Type"].startswith('multipart/related; type="application/dicom"; boundary=')
    assert body.count(b"Content-Type: application/dicom") == 2
    one = only(ledger)
    assert (one.state, one.attempts, one.error) == ("delivered", 1, None)


@pytest.mark.parametrize(
    ("behaviour", "told"),
    [
        ("lose one", "did not confirm 1 of 2"),
        ("refuse", "failure reasons ['272']"),
        ("fall over", "status 500"),
        ("say nothing", "can't be read"),
    ],
)
def test_what_is_not_confirmed_is_told_and_tried_again(ledger, store, planned, pacs, tmp_path, behaviour, told):  # noqa: F811
    pacs.behave = behaviour
    deliver_one(ledger, store, known(pacs, tmp_path))
    one = only(ledger)
    assert (one.state, one.attempts) == ("pending", 1)
    assert told in one.error
    assert not deliver_one(ledger, store, known(pacs, tmp_path)), "it waits"
    pacs.behave = "store"
    make_due(ledger)
    deliver_one(ledger, store, known(pacs, tmp_path))
    assert (only(ledger).state, only(ledger).attempts) == ("delivered", 2)


def test_after_the_last_try_it_fails_visibly_and_can_be_retried(ledger, store, planned, pacs, tmp_path):  # noqa: F811
    pacs.behave = "fall over"
    for _ in range(dicom_deliveries.ATTEMPTS):
        assert only(ledger).state == "pending"
        make_due(ledger)
        deliver_one(ledger, store, known(pacs, tmp_path))
    failed = only(ledger)
    assert failed.state == "failed"
    with ledger.write() as connection:
        with pytest.raises(NotFound):
            dicom_deliveries.retry(connection, "other", failed.id)
        dicom_deliveries.retry(connection, "t", failed.id)
    pacs.behave = "store"
    deliver_one(ledger, store, known(pacs, tmp_path))
    assert only(ledger).state == "delivered"
    with ledger.write() as connection, pytest.raises(Conflict):
        dicom_deliveries.retry(connection, "t", failed.id)


def test_a_worker_that_lost_its_lease_settles_nothing(ledger, planned):  # noqa: F811
    with ledger.write() as connection:
        first = dicom_deliveries.take(connection, lease=-1.0)
        second = dicom_deliveries.take(connection, lease=60.0)
        dicom_deliveries.settle(connection, first, None)
    assert only(ledger).state == "sending"
    with ledger.write() as connection:
        dicom_deliveries.settle(connection, second, None)
    assert only(ledger).state == "delivered"


def test_oauth2_client_credentials_are_presented(ledger, store, planned, pacs, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setenv("PACS_SECRET", "s3cret")
    more = f'[destination.oauth2]\ntoken_url = "{pacs.url}/token"\nclient_id = "v"\nclient_secret_env = "PACS_SECRET"\n'
    deliver_one(ledger, store, known(pacs, tmp_path, more))
    (token, about, form), (_, headers, _) = pacs.requests
    assert (token, form) == ("/token", b"grant_type=client_credentials")
    assert about["Authorization"].startswith("Basic ")
    assert headers["Authorization"] == "Bearer t0ken"


def test_a_header_comes_from_its_file(ledger, store, planned, pacs, tmp_path):  # noqa: F811
    (tmp_path / "header").write_text("Basic abc\n")
    deliver_one(ledger, store, known(pacs, tmp_path, f'authorization_file = "{tmp_path / "header"}"\n'))
    assert pacs.requests[0][1]["Authorization"] == "Basic abc"


def test_a_destination_that_is_gone_or_away_is_told(ledger, store, planned, pacs, tmp_path):  # noqa: F811
    deliver_one(ledger, store, {})
    assert "no longer configured" in only(ledger).error
    make_due(ledger)
    away = known(pacs, tmp_path)["pacs"].model_copy(update={"url": "http://127.0.0.1:1"})
    deliver_one(ledger, store, {"pacs": away})
    assert "can't be reached" in only(ledger).error


@pytest.mark.parametrize(
    "text",
    ["nonsense", '[[destination]]\nname = "x"\n', '[[destination]]\nname = "../x"\nurl = "http://a"\n',
     '[[destination]]\nname = "x"\nurl = "file:///etc"\n', '[[destination]]\nname = "x"\nurl = "http://a"\nodd = 1\n'],
)  # fmt: skip
def test_a_file_of_destinations_is_checked(tmp_path, text):
    (tmp_path / "d.toml").write_text(text)
    with pytest.raises(destinations.BadDestinations):
        destinations.load(tmp_path / "d.toml")


def test_destinations_may_be_for_some_tenants_only():
    one = destinations.Destination(name="a", url="http://a", tenants=("t",))
    two = destinations.Destination(name="b", url="http://b")
    assert destinations.of_tenant({"a": one, "b": two}, "t") == ["a", "b"]
    assert destinations.of_tenant({"a": one, "b": two}, "u") == ["b"]


def test_erasing_the_job_erases_results_and_deliveries(ledger, planned):  # noqa: F811
    with ledger.write() as connection:
        erasure.erase_job(connection, "t", planned, "key")
        assert dicom_deliveries.page(connection, "t") == []
        assert instances.known(connection, "t", ["1.2.1", "1.2.2"]) == {}
