"""Copies, restores and verifies every file that the ledger names.

`python -P -m shared.operations.backup copy URL` copies the store to another one (`file:PATH` or `s3://...`).
`... restore URL` copies it back, and `... verify` compares every file's SHA-256 with the ledger's.

Nothing under a key ever changes, so a copy that is repeated takes only what is new.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select

from shared import scratch
from shared.errors import NotFound
from shared.ledger import Ledger, open_ledger, tables
from shared.ledger.dicom import tables as dicom_tables
from shared.pacs.instance_list import instance_key
from shared.settings import settings
from shared.storage.base import Store
from shared.storage.connect import open_store
from shared.telemetry import log

logger = logging.getLogger("viscera.inventory")


@dataclass(frozen=True, slots=True)
class File:
    """One file that the ledger names."""

    key: str
    sha256: str
    bytes: int


def files(ledger: Ledger) -> Iterator[File]:
    """Yield scans, published results with their revisions, and DICOM instances."""
    instances = dicom_tables.instances.c
    with ledger.read() as connection:
        for table in (tables.scans.c, tables.artifacts.c, tables.revision_artifacts.c):
            for row in connection.execute(select(table.key, table.sha256, table.bytes).order_by(table.key)):
                yield File(row.key, row.sha256, row.bytes)
        for row in connection.execute(select(instances.id, instances.sha256, instances.bytes)):
            yield File(instance_key(row.id), row.sha256, row.bytes)


def damaged(ledger: Ledger, store: Store) -> Iterator[str]:
    """Yield the keys of files that are missing or differ from the ledger's SHA-256; reads all files."""
    for file in files(ledger):
        digest, size = hashlib.sha256(), 0
        try:
            for chunk in store.read(file.key):
                digest.update(chunk)
                size += len(chunk)
        except NotFound:
            yield file.key
            continue
        if (digest.hexdigest(), size) != (file.sha256, file.bytes):
            yield file.key


def copy(source: Store, target: Store) -> int:
    """Copy what the target lacks; return how many files. Files that are erased meanwhile are skipped."""
    there, copied = set(target.keys()), 0
    for key in source.keys():  # noqa: SIM118 - no mapping
        if key in there:
            continue
        with scratch.folder() as folder:
            path = folder / "object"
            try:
                with source.file(key) as path_in_store:
                    shutil.copyfile(path_in_store, path)
            except NotFound:
                continue
            target.put(key, path)
            copied += 1
    return copied


def main() -> None:
    """Copy, restore or verify the configured store."""
    parser = argparse.ArgumentParser(prog="shared.operations.backup")
    parser.add_argument("action", choices=("copy", "restore", "verify"))
    parser.add_argument("url", nargs="?", help="the other store")
    args = parser.parse_args()
    log.configure(settings().log_level)
    store = open_store(settings().store_url)
    if args.action == "verify":
        keys = list(damaged(open_ledger(settings().ledger_url), store))
        for key in keys:
            logger.error("file missing or damaged", extra={"key": key})
        sys.exit(bool(keys))
    if not args.url:
        parser.error("name the other store")
    other = open_store(args.url)
    source, target = (store, other) if args.action == "copy" else (other, store)
    target.prepare()
    logger.info("copied", extra={"files": copy(source, target)})


if __name__ == "__main__":
    main()
