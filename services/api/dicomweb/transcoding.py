"""Instances in another transfer syntax than the stored one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydicom.uid import ExplicitVRLittleEndian

from services.api.gateway import Gateway
from shared.ledger.dicom.instances import Instance
from shared.pacs import instance_list

EXPLICIT = str(ExplicitVRLittleEndian)


@contextmanager
def transcoded(gateway: Gateway, tenant: str, instance: Instance) -> Iterator[Path]:
    """Yield the path of a temporary copy of the instance in Explicit VR Little Endian."""
    with tempfile.TemporaryDirectory(prefix="wado-", dir=gateway.settings.spool) as folder:
        out = Path(folder) / "explicit"
        with gateway.store.file(instance_list.instance_key(instance.id)) as path:
            gateway.sandboxed(tenant, "transcode", 120.0, path=str(path), out=str(out))
        yield out
