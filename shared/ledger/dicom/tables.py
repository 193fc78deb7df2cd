"""DICOM tables of the ledger: studies, series, instances, deliveries, workitems.

`dicom_studies.attributes`, its search columns, `dicom_series.attributes` and `dicom_workitems.attributes` have what
QIDO-RS and UPS-RS must answer, which includes personal attributes. They are deleted with the study or the workitem. No
other table of the ledger has personal data.
"""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from shared.ledger.tables import _Id, _Time, metadata

_Uid = String(64)


def _parent(name: str, of: str, *, primary_key: bool = False) -> Column[str]:
    return Column(name, _Id, ForeignKey(f"{of}.id", ondelete="CASCADE"), nullable=False, primary_key=primary_key)


studies = Table(
    "dicom_studies",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("tenant", _Id, ForeignKey("tenants.id"), nullable=False),
    Column("uid", _Uid, nullable=False),
    Column("created", _Time, nullable=False),
    Column("attributes", JSON, nullable=False),
    Column("patient_id", String(64), nullable=False),
    Column("patient_name", String(256), nullable=False),
    Column("accession", String(64), nullable=False),
    Column("study_date", String(8), nullable=False),
    UniqueConstraint("tenant", "uid"),
)

series = Table(
    "dicom_series",
    metadata,
    Column("id", _Id, primary_key=True),
    _parent("study", "dicom_studies"),
    Column("tenant", _Id, nullable=False),
    Column("uid", _Uid, nullable=False),
    Column("modality", String(16), nullable=False),
    Column("attributes", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", String(64)),
    Column("attempt", Integer, nullable=False),
    Column("touched", _Time, nullable=False),
    Column("created", _Time, nullable=False),
    UniqueConstraint("study", "uid"),
    Index(None, "state", "touched"),
)

instances = Table(
    "dicom_instances",
    metadata,
    Column("id", _Id, primary_key=True),
    _parent("series", "dicom_series"),
    Column("tenant", _Id, nullable=False),
    Column("uid", _Uid, nullable=False),
    Column("sop_class", _Uid, nullable=False),
    Column("syntax", _Uid, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("pixel_offset", BigInteger, nullable=False),
    Column("pixel_length", BigInteger, nullable=False),
    Column("number", Integer, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("columns", Integer, nullable=False),
    Column("frames", Integer, nullable=False),
    Column("image_type", String(128), nullable=False),
    Column("created", _Time, nullable=False),
    UniqueConstraint("tenant", "uid"),
    Index(None, "series", "number"),
)

series_jobs = Table(
    "dicom_series_jobs",
    metadata,
    _parent("job_id", "jobs", primary_key=True),
    _parent("series", "dicom_series"),
    Column("attempt", Integer, nullable=False),
    Column("instances", Integer, nullable=False),
    Column("published", Integer, nullable=False),
    UniqueConstraint("series", "attempt"),
    Index(None, "published"),
)

results = Table(
    "dicom_results",
    metadata,
    _parent("instance", "dicom_instances", primary_key=True),
    _parent("job_id", "jobs"),
    Column("revision", Integer, nullable=False, server_default="1"),
    Index(None, "job_id"),
)

deliveries = Table(
    "dicom_deliveries",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("tenant", _Id, nullable=False),
    _parent("job_id", "jobs"),
    Column("destination", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("due", _Time),
    Column("error", String(300)),
    Column("created", _Time, nullable=False),
    Column("ended", _Time),
    Column("revision", Integer, nullable=False, server_default="1"),
    UniqueConstraint("job_id", "revision", "destination"),
    Index(None, "state", "due"),
)

workitems = Table(
    "dicom_workitems",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("tenant", _Id, ForeignKey("tenants.id"), nullable=False),
    Column("uid", _Uid, nullable=False),
    Column("state", String(16), nullable=False),
    Column("holder", _Uid),
    Column("job_id", _Id, ForeignKey("jobs.id", ondelete="CASCADE")),
    Column("attributes", JSON, nullable=False),
    Column("created", _Time, nullable=False),
    Column("updated", _Time, nullable=False),
    Column("series", _Uid),
    UniqueConstraint("tenant", "uid"),
    Index(None, "job_id"),
    Index(None, "series"),
)
