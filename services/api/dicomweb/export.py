"""/v1/dicom/studies/{study}: a study leaves without anything personal (PS3.15 Annex E), or is erased."""

from __future__ import annotations

import secrets
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from services.api.dicomweb.openapi import EXPORTED
from services.api.gateway import Connections, Context, DicomReader, DicomWriter
from shared import sandbox
from shared.errors import NotFound
from shared.ledger import erasure
from shared.ledger.dicom import search
from shared.ledger.dicom.instances import Instance
from shared.pacs import instance_list

router = APIRouter(prefix="/v1/dicom/studies/{study}", tags=["dicom"], responses=EXPORTED)


@router.get("/deidentified.zip", response_class=Response)
def export(study: str, connections: Connections, caller: DicomReader) -> Response:
    """The study's images and segmentations after the Basic Profile; refused where annotations are burned in.

    Reports and encapsulated surfaces stay behind: the profile leaves nothing of their contents.
    """
    with connections.reading(caller) as connection:
        found = [one for one in search.retrieve(connection, caller.tenant, study) if one.rows]
    if not found:
        raise NotFound("There is no image in this study.")
    folder = tempfile.TemporaryDirectory(prefix="export-", dir=connections.settings.spool)
    try:
        path = _packed(connections, found, Path(folder.name))
    except BaseException:
        folder.cleanup()
        raise
    connections.audit(caller, "export", study)
    return FileResponse(
        path, media_type="application/zip", filename="deidentified.zip", background=BackgroundTask(folder.cleanup)
    )


@router.delete("", status_code=204)
def erase(study: str, connections: Connections, caller: DicomWriter) -> None:
    """Erases a study: its instances, its jobs and their results, and what the ledger held of it."""
    with connections.writing(caller) as connection:
        prefixes = erasure.erase_study(connection, caller.tenant, study, caller.key_id)
    for prefix in prefixes:
        with suppress(Exception):  # the reconciler deletes again until nothing is left
            connections.store.delete(prefix)


def _packed(context: Context, found: list[Instance], folder: Path) -> Path:
    secret, path = secrets.token_hex(32), folder / "deidentified.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for number, one in enumerate(found, start=1):
            out = folder / "instance"
            with context.store.file(instance_list.instance_key(one.id)) as source:
                sandbox.call("deidentify", 60.0, path=str(source), out=str(out), secret=secret)
            archive.write(out, f"IM{number:06d}.dcm")
            out.unlink()
    return path
