"""A scan that came in pieces: a list of stored instances, in the store beside them."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from shared.storage.base import Store

NAME = "series.json"


def is_instance_list(key: str) -> bool:
    """Whether a scan's key is that of a list of instances."""
    return key.endswith("/" + NAME)


def instance_key(instance_id: str) -> str:
    """Where an instance's bytes lie."""
    return f"dicom/{instance_id}/original"


def metadata_key(instance_id: str) -> str:
    """Where an instance's metadata lies (DICOM JSON)."""
    return f"dicom/{instance_id}/metadata.json"


def write(path: Path, instances: Sequence[str]) -> None:
    """Writes a manifest of instance ids; the same bytes for the same series."""
    path.write_text(json.dumps({"instances": list(instances)}))


def read(store: Store, key: str) -> list[str]:
    """The instance ids of a manifest; raises NotFound."""
    held: list[str] = json.loads(b"".join(store.read(key)))["instances"]
    return held


@contextmanager
def folder(store: Store, key: str) -> Iterator[Path]:
    """The manifest's instances as files of a folder, linked where the store is local, in bounded memory."""
    with tempfile.TemporaryDirectory(prefix="viscera-series-") as made:
        for number, instance in enumerate(read(store, key)):
            with store.file(instance_key(instance)) as path:
                _link(path, Path(made) / f"{number:06d}")
        yield Path(made)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copyfile(source, target)
