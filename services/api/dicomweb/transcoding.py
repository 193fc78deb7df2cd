"""Instances in another transfer syntax than the stored one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydicom.uid import ExplicitVRLittleEndian

from services.api.gateway import Gateway
from services.api.spool import spool_folder
from shared.ledger.dicom.instances import Instance
from shared.pacs import instance_list

EXPLICIT = str(ExplicitVRLittleEndian)


@contextmanager
def transcoded(gateway: Gateway, tenant: str, instance: Instance) -> Iterator[Path]:
    """Yield the path of a temporary copy of the instance in Explicit VR Little Endian."""
    with spool_folder(gateway.settings.spool, "wado") as folder:
        out = folder / "explicit"
        with gateway.store.file(instance_list.instance_key(instance.id)) as path:
            gateway.sandboxed(tenant, "transcode", 120.0, path=str(path), out=str(out))
        yield out
