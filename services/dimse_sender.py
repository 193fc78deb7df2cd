"""Sends results to application entities by C-STORE; an instance counts once its status says that it is stored."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from pydicom import dcmread
from pydicom.filereader import read_file_meta_info
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, _config
from pynetdicom.association import Association

from shared import scratch
from shared.outbound.destinations import Destination, NotDelivered
from shared.pacs import instance_list
from shared.storage.base import Store

WARNINGS = range(0xB000, 0xC000)
"""Statuses of instances that are stored, with a remark (PS3.4 table B.2-1)."""
PATIENCE = 3.0
"""A delivery may last so many times the destination's seconds; its lease is longer."""
_Kind = tuple[UID, UID]
_config.STORE_SEND_CHUNKED_DATASET = True  # from the file as it is
_config.LOG_HANDLER_LEVEL = "none"


def send(store: Store, to: Destination, contents: list[tuple[str, str]]) -> None:
    """Send (instance id, SOP Instance UID) pairs in one association.

    Raises NotDelivered unless all are stored.
    """
    with ExitStack() as stack:
        files = [stack.enter_context(store.file(instance_list.instance_key(instance))) for instance, _ in contents]
        kinds = [_kind(path) for path in files]
        until = time.monotonic() + PATIENCE * to.seconds
        with _associated(to, set(kinds)) as association:
            problems = [
                _store(association, path, kind, number, until)
                for number, (path, kind) in enumerate(zip(files, kinds, strict=True), start=1)
            ]
    failed = sorted({problem for problem in problems if problem is not None})
    if failed:
        missing = sum(problem is not None for problem in problems)
        raise NotDelivered(f"The destination did not store {missing} of {len(files)} instances: {', '.join(failed)}.")


@contextmanager
def _associated(to: Destination, kinds: set[_Kind]) -> Iterator[Association]:
    """Yield an association for these SOP classes, and release it.

    Raises NotDelivered.
    """
    parts = urlsplit(to.url)
    entity = AE(ae_title=to.calling_aet)
    entity.connection_timeout = entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = to.seconds
    for sop_class, syntax in sorted(kinds | {(sop_class, ImplicitVRLittleEndian) for sop_class, _ in kinds}):
        entity.add_requested_context(sop_class, syntax)
    tls = (_tls(to), parts.hostname or "") if parts.scheme == "dimses" else None
    association = entity.associate(
        _address(parts.hostname or "", parts.port or 0), parts.port or 0, ae_title=parts.username or "", tls_args=tls
    )
    if association.is_rejected:
        reason = getattr(association.acceptor.primitive, "reason_str", "no reason")
        raise NotDelivered(f"The destination rejected the association: {reason}.")
    if not association.is_established:
        raise NotDelivered("The destination can't be reached, or ended the association.")
    try:
        yield association
    finally:
        if association.is_established:
            association.release()


def _store(association: Association, path: Path, kind: _Kind, number: int, until: float) -> str | None:
    """Return None once an instance is stored, otherwise why it is not."""
    sop_class, syntax = kind
    accepted = {(context.abstract_syntax, context.transfer_syntax[0]) for context in association.accepted_contexts}
    if not association.is_established or time.monotonic() > until:
        return "the association ended"
    if kind in accepted:
        return _problem(association, path, number)
    if syntax != ExplicitVRLittleEndian or (sop_class, ImplicitVRLittleEndian) not in accepted:
        return f"{sop_class.name} is not accepted"
    with scratch.folder() as folder:
        dataset = dcmread(path)
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        dataset.save_as(folder / "implicit", implicit_vr=True, little_endian=True, enforce_file_format=True)
        return _problem(association, folder / "implicit", number)


def _problem(association: Association, path: Path, number: int) -> str | None:
    status = association.send_c_store(path, msg_id=number).get("Status")
    if status is None:
        return "no answer"
    return None if status == 0 or status in WARNINGS else f"status {status:04X}"


def _kind(path: Path) -> _Kind:
    meta = read_file_meta_info(path)
    return UID(meta.MediaStorageSOPClassUID), UID(meta.TransferSyntaxUID)


def _address(host: str, port: int) -> str:
    """Return an address of a host: pynetdicom takes a name without a dot for an IPv6 address."""
    try:
        return str(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0])
    except OSError as error:
        raise NotDelivered("The destination's host has no address.") from error


def _tls(to: Destination) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=to.ca_file)
        if to.certificate_file is not None:
            context.load_cert_chain(to.certificate_file, to.key_file)
    except (OSError, ssl.SSLError) as error:
        raise NotDelivered("The certificate, key or CA of the destination can't be read.") from error
    return context
