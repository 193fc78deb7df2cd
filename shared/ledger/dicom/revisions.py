"""Revisions of results from stored series, on their way into their studies."""

from __future__ import annotations

from sqlalchemy import Connection, select

from shared.ledger.dicom.tables import series_jobs
from shared.ledger.jobs import RESULT
from shared.ledger.tables import file_runs


def to_publish(connection: Connection) -> list[str]:
    """Return the jobs on stored series whose newest finished revision is not in the study yet.

    `published` is the number of the newest revision that is; 0 is a job whose first result is to come.
    """
    columns = file_runs.c
    newer = (columns.job_id == series_jobs.c.job_id) & (columns.revision > series_jobs.c.published)
    query = select(series_jobs.c.job_id).join(file_runs, newer).where(series_jobs.c.published > 0)
    finished = query.where(columns.name == RESULT, columns.state == "done").distinct()
    return list(connection.execute(finished).scalars())
