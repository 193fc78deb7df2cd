"""Label maps between this service and MONAI Label's client: NRRD files, and values that the client chose."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import nrrd
import numpy as np

from services.api.corrections import Correction
from services.api.gateway import Gateway
from services.api.monailabel.images import ImageName, find, label_names
from services.api.views import missing_file
from services.api.volumes import label_map, organs_of
from shared.errors import NotFound, PreconditionFailed, Unprocessable
from shared.imaging.volume import LabelMap, Organ
from shared.ledger import api_keys, jobs, revisions
from shared.ledger.revisions import LABELS, Labels

SUFFIXES = {".nrrd": "application/octet-stream", ".nii.gz": "application/gzip"}


def outlines(
    gateway: Gateway, asking: api_keys.Caller, image: str, tag: str = ""
) -> tuple[jobs.Job, jobs.Artifact, tuple[Organ, ...]]:
    """Return the job of an image, its label map and its labels: of the newest revision, or by tag.

    The tag `original` is the algorithm's, `final` one that a person saved. Raises NotFound, and Conflict while the job
    has no result.
    """
    with gateway.reading(asking) as connection:
        job = find(connection, asking, image)
        if job.state != "succeeded":
            raise missing_file(job, LABELS)
        number = 1 if tag == "original" else revisions.current(connection, job.id).revision
        if tag not in {"", "original", "final"} or (tag == "final" and number == 1):
            raise NotFound("The image has no label with this tag.")
        files = jobs.published(connection, job.id)
        artifact = (files if number == 1 else jobs.published(connection, job.id, number))[LABELS]
    return job, artifact, organs_of(gateway.store, files)


def encode(gateway: Gateway, artifact: jobs.Artifact, suffix: str) -> tuple[bytes, set[int]]:
    """Return a label map as a file with this suffix, and the ids of the labels that have voxels."""
    labels = label_map(gateway.store, artifact)
    present = {int(value) for value in np.unique(labels.data)} - {0}
    if suffix == ".nrrd":
        return to_nrrd(labels), present
    return b"".join(gateway.store.read(artifact.key)), present


def to_nrrd(labels: LabelMap) -> bytes:
    """Return a label map as NRRD: uint8, (column, row, slice), LPS mm, gzip."""
    affine = labels.geometry.affine
    header = {
        "space": "left-posterior-superior",
        "space directions": affine[:3, :3].T,  # a row for each axis of the array
        "space origin": affine[:3, 3],
        "kinds": ["domain"] * 3,
        "encoding": "gzip",
    }
    file = io.BytesIO()
    nrrd.write(file, labels.data, header, index_order="C", compression_level=1)
    return file.getvalue()


def values_of(label_info: Any, organs: Sequence[Organ]) -> dict[int, int] | None:
    """Return the id of each value of a saved file; None where the client names none: then values are ids.

    The plugin numbers the segments that it saves 1, 2, 3 in the order of `label_info`; the member `idx` also counts
    segments that it leaves out. Raises Unprocessable for a name that the job's label set does not have.
    """
    if not label_info:
        return None
    known = {key: organ.id for organ in organs for key in (_plain(organ.name), _plain(organ.title))}
    values = {}
    for value, entry in enumerate(label_info if isinstance(label_info, list) else [], start=1):
        name = entry.get("name") if isinstance(entry, Mapping) else None
        if not isinstance(name, str) or value > 255:
            raise Unprocessable("label_info is a list of objects with a name each.", "invalid_request")
        if _plain(name) in known:
            values[value] = known[_plain(name)]
    if not values:
        names = ", ".join(sorted(label_names(organs)))
        raise Unprocessable(f"No segment has the name of a label of this job: {names}.", "unknown_labels")
    return values


def _plain(name: str) -> str:
    return " ".join(name.casefold().replace("_", " ").split())


def correction(gateway: Gateway, asking: api_keys.Caller, image: str, label_info: Any) -> Correction:
    """Return the correction that saves a label for an image.

    Its base is the newest revision. Raises PreconditionFailed where somebody else made a revision after the one that
    the client got with its sample; and what `outlines` raises.
    """
    with gateway.reading(asking) as connection:
        job = find(connection, asking, image)
        if job.state != "succeeded":
            raise missing_file(job, LABELS)
        current = revisions.current(connection, job.id)
        first = ImageName.parse(image).revision or 1
        by_others = {
            revision.edit.actor
            for revision in revisions.of_job(connection, job.id)
            if revision.number > first and revision.edit.actor != asking.key_id
        }
        files = jobs.published(connection, job.id)
    if by_others:
        raise PreconditionFailed(
            f"Somebody else has saved revision {current.revision} since you got this sample: get it again.",
            "revision_changed",
        )
    values = values_of(label_info, organs_of(gateway.store, files))
    return Correction(gateway, asking, job.id, f'"{current.artifact.sha256}"', values)


def describe(organs: Sequence[Organ], labels: Labels) -> dict[str, Any]:
    """Return what the data store says about a label."""
    return {
        "ext": ".nii.gz",
        "info": {"name": LABELS, "revision": labels.revision, "params": {"label_names": label_names(organs)}},
    }
