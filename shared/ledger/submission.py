"""Creates a job with everything that must exist in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from shared.ledger import jobs, models
from shared.ledger.dicom import workitems


def submit(
    connection: Connection,
    tenant: str,
    scan_id: str,
    options: Mapping[str, Any],
    *,
    seconds: float,
    patience: float = jobs.NOTIFY_AGAIN,
    trace: str | None = None,
    warnings: Sequence[Mapping[str, str]] = (),
) -> str:
    """Create a queued job as `jobs.create` does and, for a DICOM scan, its workitem; return the job id.

    The option `model` is the name of a segmenter; the job gets the one that has it now. Raises UnknownModel.
    The DICOM worklist (UPS-RS) shows every job of a DICOM scan, whoever submitted it.
    """
    name = options.get("model")
    model = models.find(connection, name) if name else None
    job_id = jobs.create(
        connection,
        tenant,
        scan_id,
        options,
        seconds=seconds,
        patience=patience,
        trace=trace,
        model=model,
        warnings=warnings,
    )
    if jobs.get_scan(connection, tenant, scan_id).format == "dicom":
        workitems.create(connection, tenant, workitems.job_uid(job_id), {}, job_id)
    return job_id
