"""Attributes of a workitem: current state and progress of a job, stored attributes of other steps."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from services.api import schemas
from services.api.dicomweb.encoding import Json, data_set
from shared.errors import Unprocessable
from shared.ledger import api_keys, jobs
from shared.ledger.dicom import search
from shared.ledger.dicom.workitems import State, Workitem

UPS_PUSH = "1.2.840.10008.5.1.4.34.6.1"
STATE, TRANSACTION, PRIORITY, LABEL = "00741000", "00081195", "00741200", "00741204"
_OF_REQUEST = (PRIORITY, LABEL, "00404018", "00404005")
"""Attributes that stay as the workitem's sender wrote them: priority, label, code, scheduled start."""
UNSPECIFIED = ("110513", "Discontinued for unspecified reason")
EQUIPMENT = ("110501", "Equipment failure")
_OURS = ("worker_lost", "internal_error", "out_of_memory", "timeout", "bad_model")
"""Failures of the service; all others are caused by the scan."""
_STATES: dict[str, State] = {
    "queued": "SCHEDULED", "running": "IN PROGRESS", "succeeded": "COMPLETED", "failed": "CANCELED",
    "cancelled": "CANCELED",
}  # fmt: skip


def state_of(connection: Connection, tenant: str, workitem: Workitem) -> str:
    """Return the step's state; for a job, the state of the job."""
    if workitem.job_id is None:
        return workitem.state
    return _STATES[jobs.get(connection, tenant, workitem.job_id).state]


def shown(connection: Connection, caller: api_keys.Caller, workitem: Workitem) -> Json:
    """Return the whole data set without the Transaction UID, which is a secret of its owner."""
    content = {tag: value for tag, value in workitem.attributes.items() if tag != TRANSACTION}
    content |= data_set(
        SpecificCharacterSet="ISO_IR 192", SOPClassUID=UPS_PUSH, SOPInstanceUID=workitem.uid,
        ProcedureStepState=state_of(connection, caller.tenant, workitem),
        ScheduledProcedureStepModificationDateTime=_time(workitem.updated),
    )  # fmt: skip
    if workitem.job_id is not None:
        job = _of_job(connection, caller.tenant, jobs.get(connection, caller.tenant, workitem.job_id))
        content |= {tag: value for tag, value in job.items() if tag not in content or tag not in _OF_REQUEST}
    return content


def _of_job(connection: Connection, tenant: str, job: jobs.Job) -> Json:
    view = schemas.job_view(job, set())
    code = data_set(CodeValue="VISCERA", CodingSchemeDesignator="99VISCERA", CodeMeaning="Outline abdominal organs")
    progress = data_set(ProcedureStepProgress=round(100 * view.progress, 1))
    content = data_set(
        ScheduledProcedureStepPriority="MEDIUM", WorklistLabel="Viscera",
        ProcedureStepLabel="Outline abdominal organs", InputReadinessState="READY",
        ScheduledWorkitemCodeSequence=[code], ScheduledProcedureStepStartDateTime=_time(job.created),
    )  # fmt: skip
    if job.state in ("failed", "cancelled"):
        value, meaning = EQUIPMENT if job.error_code in _OURS else UNSPECIFIED
        code_item = data_set(CodeValue=value, CodingSchemeDesignator="DCM", CodeMeaning=meaning)
        reason = f"{job.error_code}: {job.error_detail}"[:64] if job.error_code else "cancelled on request"
        progress |= data_set(
            ProcedureStepCancellationDateTime=_time(job.ended or job.created), ReasonForCancellation=reason,
            ProcedureStepDiscontinuationReasonCodeSequence=[code_item],
        )  # fmt: skip
    content |= data_set(ProcedureStepProgressInformationSequence=[progress])
    if job.started is not None:
        content |= data_set(UnifiedProcedureStepPerformedProcedureSequence=[_performed(connection, tenant, job, code)])
    return content


def _performed(connection: Connection, tenant: str, job: jobs.Job, code: Json) -> Json:
    outputs = [
        data_set(
            StudyInstanceUID=instance.study, SeriesInstanceUID=instance.series, TypeOfInstances="DICOM",
            ReferencedSOPSequence=[
                data_set(ReferencedSOPClassUID=instance.sop_class, ReferencedSOPInstanceUID=instance.uid)
            ],
        )
        for instance in search.results_of(connection, tenant, job.id)
    ]  # fmt: skip
    content: dict[str, Any] = {
        "PerformedProcedureStepStartDateTime": _time(job.started or job.created),
        "PerformedWorkitemCodeSequence": [code],
        "OutputInformationSequence": outputs,
    }
    if job.ended is not None:
        content["PerformedProcedureStepEndDateTime"] = _time(job.ended)
    return data_set(**content)


def created(attributes: Json) -> Json:
    """Return the attributes of a new workitem.

    Raises Unprocessable for what PS3.4 CC.2.5 does not allow.
    """
    if TRANSACTION in attributes and attributes[TRANSACTION].get("Value"):
        raise Unprocessable("A new workitem has no Transaction UID.", "bad_workitem")
    if attributes.get(STATE, {}).get("Value", ["SCHEDULED"]) != ["SCHEDULED"]:
        raise Unprocessable("A new workitem is SCHEDULED.", "bad_workitem")
    for tag, name in ((PRIORITY, "Scheduled Procedure Step Priority"), (LABEL, "Procedure Step Label")):
        if not attributes.get(tag, {}).get("Value"):
            raise Unprocessable(f"A new workitem has a {name}.", "bad_workitem")
    return {tag: value for tag, value in attributes.items() if tag not in (STATE, TRANSACTION, "00080016", "00080018")}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%d%H%M%S.%f+0000")
