"""Associations with changed bytes end, each alone: no thread, file or share of a limit stays, and others are served."""

import random
import socket
from contextlib import suppress

import pytest
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage
from pynetdicom import AE, evt

from services.dimse import transport
from shared.dicom import decoding
from shared.sandbox.session import Session
from tests.services.dimse.conftest import TITLE, association, send
from tests.services.dimse.test_connections import threads
from tests.services.dimse.test_storing import read
from tests.support.multipart import mutate
from tests.support.waiting import until


def recorded(port, path):
    """What a caller sends: the request, a C-STORE in several PDUs, the release."""
    entity, sent = AE(ae_title="SCANNER"), []
    entity.add_requested_context(MRImageStorage, ExplicitVRLittleEndian)
    handlers = [(evt.EVT_DATA_SENT, lambda event: sent.append(event.data))]
    caller = entity.associate("127.0.0.1", port, ae_title=TITLE, evt_handlers=handlers)
    assert send(caller, read(path)) == 0
    caller.release()
    return sent[0], b"".join(sent[1:])


def play(port, request, rest):
    with socket.create_connection(("127.0.0.1", port), timeout=2.0) as caller, suppress(OSError):
        caller.sendall(request)
        caller.recv(1 << 16)
        caller.sendall(rest)
        caller.shutdown(socket.SHUT_WR)
        while caller.recv(1 << 16):
            pass


@pytest.mark.filterwarnings("ignore:Invalid value")
@pytest.mark.parametrize("seed", range(2))
def test_mutated_associations_harm_no_other(serving, files, monkeypatch, seed):
    """The decoder runs in this process, its limits aside."""
    monkeypatch.setattr(
        Session, "call", lambda _, name, **arguments: getattr(decoding, name)(lambda _: None, **arguments)
    )
    monkeypatch.setattr(transport, "PDU_SECONDS", 0.3)
    rng = random.Random(seed)
    with serving(uploads_at_once=2) as (port, node):
        request, rest = recorded(port, files[0])
        with association(port) as other:
            for number in range(30):
                if number % 4 == 0:
                    play(port, mutate(rng, request), rest)
                else:
                    at = rng.choice([200, len(rest)])  # the command, or all of it
                    play(port, request, mutate(rng, rest[:at]) + rest[at:])
            assert send(other, read(files[1])) == 0
        until(lambda: not threads())
        # The thread of the connection frees both, after that of the association has ended.
        until(lambda: not node.limits._uploads.total())
        until(lambda: not [path for path in node.folder.rglob("*") if path.is_file()])
