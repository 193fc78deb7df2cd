"""Audit records as FHIR R4 AuditEvents, after IHE Basic Audit Log Patterns (BALP 1.1)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from shared.ledger.audit import Record

MEDIA_TYPE = "application/fhir+json"
_PROFILES = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
_TYPE = {"system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest"}
_ACTIONS = {
    "create": ("C", "create"), "upload": ("C", "create"), "share": ("C", "create"), "create_key": ("C", "create"),
    "create_webhook": ("C", "create"), "store": ("C", "create"), "read": ("R", "read"), "retrieve": ("R", "read"),
    "export": ("R", "read"), "search": ("E", "search-type"),
    "cancel": ("U", "update"), "revise": ("U", "update"),
    "measure": ("U", "update"), "delete_measurement": ("U", "update"),
    "save_view": ("U", "update"), "delete_view": ("U", "update"),
    "delete": ("D", "delete"), "expire": ("D", "delete"), "unshare": ("D", "delete"),
    "revoke_key": ("D", "delete"), "delete_webhook": ("D", "delete"),
}  # fmt: skip
_BALP = {"C": "Create", "R": "Read", "U": "Update", "D": "Delete"}


def audit_event(record: Record) -> dict[str, Any]:
    """Return one record as an AuditEvent; actions that exchange no data become `E` (execute)."""
    action, interaction = _ACTIONS.get(record.action, ("E", "operation"))
    event: dict[str, Any] = {
        "resourceType": "AuditEvent",
        "id": f"{record.tenant}-{record.number}".replace("_", "-"),
        "type": _TYPE,
        "subtype": [{"system": "http://hl7.org/fhir/restful-interaction", "code": interaction}],
        "action": action,
        "recorded": datetime.fromtimestamp(record.at, UTC).isoformat(timespec="milliseconds"),
        "outcome": "0" if record.outcome == "success" else "4",
        "outcomeDesc": record.action,
        "agent": [_agent(record)],
        "source": {"observer": {"display": "Viscera"}, "site": record.tenant},
        "entity": [{"what": {"identifier": {"value": record.object}}, "detail": [_digest(record)]}],
    }
    if action in _BALP:
        event["meta"] = {"profile": [_PROFILES + _BALP[action]]}
    return event


def bundle(records: Iterable[Record]) -> dict[str, Any]:
    """Return records as a FHIR Bundle of type collection."""
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": audit_event(record)} for record in records],
    }


def _agent(record: Record) -> dict[str, Any]:
    role = {"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "110153", "display": "Source Role ID"}
    return {"type": {"coding": [role]}, "who": {"identifier": {"value": record.actor}}, "requestor": True}


def _digest(record: Record) -> dict[str, str]:
    return {"type": "sha256-chain", "valueString": record.digest}
