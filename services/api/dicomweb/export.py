"""/v1/dicom/studies/{study}: de-identified export (PS3.15 Annex E) and erasure of a study."""

from __future__ import annotations

import secrets
import zipfile
from contextlib import ExitStack, suppress
from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from services.api.dicomweb.openapi import EXPORTED
from services.api.gateway import DicomReader, DicomWriter, Gateway, GatewayDep
from services.api.spool import spool_folder
from shared.errors import NotFound
from shared.ledger import erasure
from shared.ledger.dicom import search
from shared.ledger.dicom.instances import Instance
from shared.pacs import instance_list

router = APIRouter(prefix="/v1/dicom/studies/{study}", tags=["dicom"], responses=EXPORTED)


@router.get("/deidentified.zip", response_class=Response)
def export(study: str, gateway: GatewayDep, caller: DicomReader) -> Response:
    """Export the study's images and segmentations after the Basic Profile; refused where annotations are burned in.

    Reports and encapsulated surfaces are left out: the profile would remove all their content.
    """
    with gateway.reading(caller) as connection:
        images = [image for image in search.retrieve(connection, caller.tenant, study) if image.rows]
    if not images:
        raise NotFound("There is no image in this study.")
    with ExitStack() as stack:
        path = _packed(
            gateway, caller.tenant, images, stack.enter_context(spool_folder(gateway.settings.spool, "export"))
        )
        kept = stack.pop_all()  # until the file is sent
    return FileResponse(
        path, media_type="application/zip", filename="deidentified.zip", background=BackgroundTask(kept.close)
    )


@router.delete("", status_code=204)
def erase(study: str, gateway: GatewayDep, caller: DicomWriter) -> None:
    """Erase a study: its instances, its jobs and their results, and its ledger records."""
    with gateway.writing(caller) as connection:
        prefixes = erasure.erase_study(connection, caller.tenant, study, caller.key_id)
    for prefix in prefixes:
        with suppress(Exception):  # the reconciler deletes again until nothing is left
            gateway.store.delete(prefix)


def _packed(gateway: Gateway, tenant: str, images: list[Instance], folder: Path) -> Path:
    secret, path = secrets.token_hex(32), folder / "deidentified.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for number, image in enumerate(images, start=1):
            out = folder / "instance"
            with gateway.store.file(instance_list.instance_key(image.id)) as source:
                gateway.sandboxed(tenant, "deidentify", 60.0, path=str(source), out=str(out), secret=secret)
            archive.write(out, f"IM{number:06d}.dcm")
            out.unlink()
    return path
