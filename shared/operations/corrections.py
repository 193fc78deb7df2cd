"""Writes corrected results as training data: scan, outlines and what changed, without anything of the patient.

A scan is a new NIfTI file of its voxels and grid, so nothing of its headers comes along. Names of files and patients
are keyed hashes. The key stays in the folder, so that a later export gives a patient the same name and a model can
be tested on patients that it has not seen; without the key nobody can check a guess.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from shared import artifacts
from shared.errors import Forbidden
from shared.ledger import Ledger, audit, corrected
from shared.ledger.corrected import Corrected
from shared.pacs import instance_list
from shared.storage.base import Store, checked_file

FOLDER = "corrections"
"""Of a data folder; training reads it beside other sources (`training.dataset.corrected`)."""
KEY = "key"
BURNED_IN = "00280301"
"""Burned In Annotation (DICOM PS3.6)."""


def export(ledger: Ledger, store: Store, tenant: str, out: Path) -> Iterator[str]:
    """Write the accepted corrections of a tenant to `out/corrections`; yield a line for each.

    Files that are there already are written again: a result may have a newer revision. Raises Forbidden for a tenant
    that does not consent.
    """
    with ledger.write() as connection:
        if not corrected.consent(connection).get(tenant, False):
            raise Forbidden(f"The tenant {tenant} has not consented: viscera corrections consent --tenant {tenant}.")
        found = corrected.accepted(connection, tenant)
        audit.record(connection, tenant, "operator", "export_corrections", f"{len(found)} results")
    folder = out / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    key = _key(folder / KEY)
    for one in found:
        yield _write(store, one, folder, key)


def _write(store: Store, one: Corrected, folder: Path, key: bytes) -> str:
    name = f"corrected_{_hash(key, one.job.id)}"
    if _is_burned_in(store, one):
        return f"{name}: left out, annotations are burned into its pixels"
    facts = _facts(store, one)
    _write_scan(store, one, folder / f"{name}_image.nii.gz")
    labels = one.files[artifacts.LABELS]
    with checked_file(store, labels.key, labels.sha256) as path:
        artifacts.save_labels(folder / f"{name}_labels.nii.gz", artifacts.load_labels(path))
    about = {
        "patient": f"patient_{_hash(key, one.patient or one.scan.sha256)}",
        "modality": facts.modality,
        "models": [{"name": model.name, "version": model.version, "sha256": model.sha256} for model in facts.models],
        "revision": one.revision.number,
        "kinds": list(one.revision.edit.kinds),
        "changed": {label: list(counts) for label, counts in one.revision.edit.changed.items()},
        "labels": {organ.name: organ.id for organ in facts.organs},
    }
    (folder / f"{name}.json").write_text(json.dumps(about, indent=2) + "\n")
    return f"{name}: revision {one.revision.number}, {about['patient']}"


def _write_scan(store: Store, one: Corrected, path: Path) -> None:
    volume = one.files[artifacts.VOLUME]
    with checked_file(store, volume.key, volume.sha256) as stored:
        scan = artifacts.load_volume(stored)
        data = np.asarray(scan.data)
        data = data.astype(np.uint8) if data.dtype == np.bool_ else data
        image = nib.Nifti1Image(data.T, scan.geometry.ras)
        image.header.set_xyzt_units("mm")
        nib.save(image, path)


def _facts(store: Store, one: Corrected) -> artifacts.Facts:
    artifact = one.files[artifacts.facts_name("segmenter")]
    return artifacts.Facts.model_validate_json(b"".join(store.read(artifact.key)))


def _is_burned_in(store: Store, one: Corrected) -> bool:
    """Return whether an image of a stored series says that annotations are burned in."""
    if not one.scan.key.endswith(instance_list.NAME):
        return False
    for instance in instance_list.read(store, one.scan.key):
        about: dict[str, Any] = json.loads(b"".join(store.read(instance_list.metadata_key(instance))))
        if "YES" in about.get(BURNED_IN, {}).get("Value", ()):
            return True
    return False


def _key(path: Path) -> bytes:
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32) + "\n")
    return bytes.fromhex(path.read_text().strip())


def _hash(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:12]
