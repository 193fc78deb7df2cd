"""DICOM results for download; patient attributes are read from the original only at download."""

from __future__ import annotations

import json
from typing import Any

from shared import sandbox
from shared.dicom.identity import complete, identity_of
from shared.ledger.jobs import Artifact, Scan
from shared.pacs import instance_list
from shared.storage.base import Store


def identity(store: Store, scan: Scan) -> dict[str, Any]:
    """Return the patient and study attributes of a scan from DICOM.

    Raises a `BadScan` or NotFound.
    """
    if instance_list.is_instance_list(scan.key):
        first = instance_list.read(store, scan.key)[0]
        return identity_of(json.loads(b"".join(store.read(instance_list.metadata_key(first)))))
    with store.file(scan.key) as path:
        attributes: dict[str, Any] = sandbox.call("identity", path=str(path))["identity"]
        return attributes


def file(store: Store, scan: Scan, artifact: Artifact) -> bytes:
    """Return the file of a result with its patient and study attributes."""
    return complete(b"".join(store.read(artifact.key)), identity(store, scan))
