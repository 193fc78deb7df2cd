"""The scan of a series from a PACS: a list of stored instances, in the store beside them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from shared import scratch
from shared.storage.base import Store

NAME = "series.json"


def is_instance_list(key: str) -> bool:
    """Return whether a scan's key is that of an instance list."""
    return key.endswith("/" + NAME)


def prefix(instance_id: str) -> str:
    """Return the store prefix of everything of an instance."""
    return f"dicom/{instance_id}/"


def instance_key(instance_id: str) -> str:
    """Return the store key of an instance's bytes."""
    return f"dicom/{instance_id}/original"


def metadata_key(instance_id: str) -> str:
    """Return the store key of an instance's metadata (DICOM JSON)."""
    return f"dicom/{instance_id}/metadata.json"


def write(path: Path, instances: Sequence[str]) -> None:
    """Write a list of instance ids; the same series gives the same bytes."""
    path.write_text(json.dumps({"instances": list(instances)}))


def read(store: Store, key: str) -> list[str]:
    """Return the instance ids of a list.

    Raises NotFound.
    """
    instance_ids: list[str] = json.loads(b"".join(store.read(key)))["instances"]
    return instance_ids


@contextmanager
def folder(store: Store, key: str) -> Iterator[Path]:
    """Yield a folder with the instances as files: hard links where the store is local, copies otherwise."""
    with scratch.folder() as instances:
        for number, instance in enumerate(read(store, key)):
            with store.file(instance_key(instance)) as path:
                _link(path, instances / f"{number:06d}")
        yield instances


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copyfile(source, target)
