"""Takes DICOM instances of a tenant in: describes them in the sandbox, stores new ones and records them once."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from shared import failpoints, sandbox
from shared.errors import BadScan
from shared.ledger import Ledger, pending_puts
from shared.ledger.dicom import instances
from shared.ledger.ids import new_id
from shared.pacs import describe, instance_list
from shared.settings import Settings
from shared.storage.base import CHUNK, Store

BATCH = 100
PREAMBLE = 128
"""Bytes before the prefix DICM; they are stored as zeros, because they may hide a second format."""
OUT_OF_RESOURCES, MISMATCH, NOT_UNDERSTOOD = 0xA700, 0xA900, 0xC000
"""Failures (PS3.4 table B.2-1, PS3.18 table 10.5.3-1)."""
DISCARDED = 0xB006
"""Warning: the tenant has other bytes under this UID; the new ones were discarded."""
_UID = re.compile(r"^[0-9]+(\.[0-9]+)*$")
Described = dict[str, Any]
Describe = Callable[[list[list[str]]], list[Described]]


@dataclass(slots=True)
class Part:
    """One received instance: its file, SHA-256 and size, and the result of storing it."""

    path: Path
    sha256: str = ""
    bytes: int = 0
    about: Described = field(default_factory=dict)
    failure: int | None = None
    warning: int | None = None

    @property
    def metadata(self) -> Path:
        """Return the path of the metadata that the sandbox writes."""
        return self.path.with_name(self.path.name + ".json")


@dataclass(frozen=True, slots=True)
class Intake:
    """The ledger and the store that instances go to; `service` names the process for failpoints."""

    service: str
    ledger: Ledger
    store: Store
    settings: Settings

    def keep(self, tenant: str, parts: list[Part], study: str | None, describe_files: Describe) -> None:
        """Describe the parts in the sandbox, store new ones, and record them in one transaction per batch.

        Each part has its failure or its warning afterwards. Those of another study than `study` fail, unless it is
        None. What has no failure is durable.
        """
        for start in range(0, len(parts), BATCH):
            batch = parts[start : start + BATCH]
            _describe(batch, study, describe_files)
            self._record(tenant, self._new(tenant, [part for part in batch if part.failure is None]))

    def _new(self, tenant: str, good: list[Part]) -> list[Part]:
        """Return the parts that the tenant does not have; the others get a warning if they differ."""
        with self.ledger.read(tenant) as connection:
            stored = instances.known(connection, tenant, [part.about["instance"] for part in good])
        new: dict[str, Part] = {}
        for part in good:
            uid = part.about["instance"]
            if uid in stored:
                part.warning = None if self._is_same(part, stored[uid]) else DISCARDED
            elif uid in new:
                part.warning = None if new[uid].sha256 == part.sha256 else DISCARDED
            else:
                new[uid] = part
        return list(new.values())

    def _is_same(self, part: Part, stored: instances.Known) -> bool:
        """Return whether a part has the data set of a stored instance.

        Its file meta information may differ: every sender writes its own, and a C-STORE has none.
        """
        if part.sha256 == stored.sha256:
            return True
        if part.about["syntax"] != stored.syntax:
            return False
        with self.store.file(instance_list.instance_key(stored.id)) as path:
            return same_data_set(part.path, path)

    def _record(self, tenant: str, new: list[Part]) -> None:
        if not new:
            return
        ids = [new_id("inst") for _ in new]
        with self._announced([instance_list.prefix(instance_id) for instance_id in ids]):
            references = []
            for instance_id, part in zip(ids, new, strict=True):
                record = describe.instance(instance_id, part.about, part.metadata, part.sha256, part.bytes)
                references.append((part, *record))
                self.store.put(instance_list.metadata_key(instance_id), part.metadata)
                self.store.put(instance_list.instance_key(instance_id), part.path)
            failpoints.hit(self.service, "after-store")
            added = []
            with self.ledger.write(tenant) as connection:
                for part, instance, about in references:
                    if instances.add(connection, tenant, instance, about):
                        added.append(instance_list.prefix(instance.id))
                    elif instances.known(connection, tenant, [instance.uid])[instance.uid].sha256 != part.sha256:
                        part.warning = DISCARDED  # another request was faster
                pending_puts.settle(connection, added)
            failpoints.hit(self.service, "after-commit")

    def _announced(self, prefixes: Sequence[str]) -> AbstractContextManager[None]:
        return pending_puts.announced(self.ledger, prefixes, self.settings.lease_seconds, self.store.delete)


def same_data_set(first: Path, second: Path) -> bool:
    """Return whether two files have the same bytes after their file meta information."""
    with first.open("rb") as one, second.open("rb") as other:
        if not (_skip_meta(one) and _skip_meta(other)):
            return False
        while chunk := one.read(CHUNK):
            if chunk != other.read(CHUNK):
                return False
        return not other.read(1)


def _skip_meta(file: BinaryIO) -> bool:
    """Move to the data set: behind the group length, which is first, and so many bytes (PS3.10 7.1)."""
    head = file.read(PREAMBLE + 16)
    if head[PREAMBLE : PREAMBLE + 12] != b"DICM\x02\x00\x00\x00UL\x04\x00":
        return False
    file.seek(int.from_bytes(head[-4:], "little"), 1)
    return True


def describe_files(files: list[list[str]]) -> list[Described]:
    """Return the sandbox's description of each file; a file that crashes the decoder is isolated by bisection."""
    try:
        described: list[Described] = sandbox.call("describe", 20.0 + 0.5 * len(files), files=files)["instances"]
    except BadScan:
        if len(files) == 1:
            return [{"error": "damaged"}]
        middle = len(files) // 2
        return describe_files(files[:middle]) + describe_files(files[middle:])
    return described


def _describe(batch: list[Part], study: str | None, describe_batch: Describe) -> None:
    described = describe_batch([[str(part.path), str(part.metadata)] for part in batch])
    for part, about in zip(batch, described, strict=True):
        part.about = about
        if part.failure is None:
            part.failure = _failure(about, study)


def _failure(about: Described, study: str | None) -> int | None:
    """Return the failure reason that applies, or None."""
    if "error" in about:
        return {"too_large": OUT_OF_RESOURCES, "mismatch": MISMATCH}.get(about["error"], NOT_UNDERSTOOD)
    uids = [about[name] for name in ("instance", "study", "series", "sop_class")]
    if not all(_UID.match(uid) and len(uid) <= 64 for uid in uids) or not about["syntax"]:
        return MISMATCH
    return MISMATCH if study is not None and about["study"] != study else None
