"""Turns complete series into jobs, and results of ended jobs into instances of the study."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Connection, select, update

from shared import failpoints, scratch
from shared.artifacts import DICOM_FILES
from shared.dicom import decoding
from shared.dicom.identity import complete
from shared.ledger import Ledger, files, jobs, pending_puts
from shared.ledger.dicom import deliveries, instances, revisions
from shared.ledger.dicom import series as ledger_series
from shared.ledger.dicom.tables import series_jobs
from shared.ledger.ids import new_id
from shared.ledger.uploads import new_scan, scan_prefix
from shared.outbound import destinations
from shared.pacs import describe, instance_list, results, rules
from shared.settings import Settings
from shared.storage.base import Store, sha256

logger = logging.getLogger("viscera.dicom")


def close_quiet(ledger: Ledger, store: Store, settings: Settings) -> list[str]:
    """Close every series that received nothing for the quiet time; return the jobs that were started."""
    with ledger.read() as connection:
        quiet = ledger_series.list_series(connection, None, quiet=settings.series_quiet_seconds, limit=50)
    started = []
    for stored in quiet:
        try:
            started.append(close(ledger, store, settings, stored))
        except Exception as error:  # one series must not delay the others; the next round tries again
            logger.error("series not closed", exc_info=error, extra={"series": stored.id})
    return [job for job in started if job]


def close(ledger: Ledger, store: Store, settings: Settings, stored: ledger_series.Series) -> str | None:
    """Start a series' job or set the series aside; return None if no job was started or another process was faster."""
    with ledger.read() as connection:
        instance_ids, reason = ledger_series.images(connection, stored.id)
        model = rules.choose(rules.load(settings.model_rules), ledger_series.attributes_of(connection, stored.id))
    if reason is not None:
        with ledger.write() as connection:
            ledger_series.set_aside(connection, stored, reason)
        return None
    scan_id, _ = new_scan()
    prefixes = [scan_prefix(scan_id)]
    with scratch.folder() as folder, pending_puts.announced(ledger, prefixes, settings.lease_seconds, store.delete):
        path, key = folder / instance_list.NAME, prefixes[0] + instance_list.NAME
        instance_list.write(path, instance_ids)
        scan = jobs.Scan(scan_id, key, sha256(path), path.stat().st_size, "dicom")
        store.put(key, path)
        failpoints.hit("series", "after-store")
        with ledger.write() as connection:
            job_id = ledger_series.start(
                connection,
                stored,
                scan,
                len(instance_ids),
                seconds=settings.job_seconds,
                patience=0.0,
                model=model,
            )
            if job_id is not None:
                pending_puts.settle(connection, prefixes)
        failpoints.hit("series", "after-commit")
        return job_id


def publish(ledger: Ledger, store: Store, settings: Settings) -> list[str]:
    """Add the results of ended jobs to their studies; return those jobs. Two processes at once do no harm.

    A revision that a person made is added beside what is there, as further series, and is sent back like the first. The
    result of an uploaded scan becomes instances when somebody sends it to a destination.
    """
    with ledger.read() as connection:
        waiting = select(series_jobs.c.job_id).where(series_jobs.c.published == 0)
        ended_jobs = [jobs.get(connection, None, job_id) for job_id in connection.execute(waiting).scalars()]
        revised = [jobs.get(connection, None, job_id) for job_id in revisions.to_publish(connection)]
        requested = [
            replace(jobs.get(connection, None, job_id), revision=number)
            for job_id, number in deliveries.waiting(connection)
        ]
    done = []
    for job in ended_jobs:
        if job.state == "succeeded":
            done += _try_to_publish(ledger, store, settings, replace(job, revision=1))
        elif job.state not in jobs.OPEN:
            with ledger.write() as connection:
                _mark(connection, job)
    for job in [*revised, *requested]:
        done += _try_to_publish(ledger, store, settings, job)
    return done


def _try_to_publish(ledger: Ledger, store: Store, settings: Settings, job: jobs.Job) -> list[str]:
    """Publish the revision that the job names; return the job if that is done."""
    try:
        return [job.id] if _publish(ledger, store, settings, job) else []
    except Exception as error:  # one job must not delay the others; the next round tries again
        logger.error("results not published", exc_info=error, extra={"job": job.id})
        return []


def _publish(ledger: Ledger, store: Store, settings: Settings, job: jobs.Job) -> bool:
    """Add the DICOM files of a revision to its study; return False if they are not all written yet."""
    with ledger.read() as connection:
        scan = jobs.get_scan(connection, job.tenant, job.scan_id)
        artifacts = jobs.published(connection, job.id, job.revision)
    if not _are_written(ledger, job, artifacts):
        return False
    ids = {name: new_id("inst") for name in DICOM_FILES if name in artifacts}
    prefixes = [instance_list.prefix(instance_id) for instance_id in ids.values()]
    with scratch.folder() as folder, pending_puts.announced(ledger, prefixes, settings.lease_seconds, store.delete):
        records = []
        patient = results.identity(store, scan) if ids else {}  # once: it takes a child of the sandbox
        for name, instance_id in ids.items():
            path = folder / name
            path.write_bytes(complete(b"".join(store.read(artifacts[name].key)), patient))
            records.append(_keep(store, instance_id, path))
        failpoints.hit("results", "after-store")
        with ledger.write() as connection:
            if _mark(connection, job):
                _record(connection, job, records)
                known = destinations.of_tenant(destinations.load(settings.destinations), job.tenant)
                if records:
                    deliveries.plan(connection, job.tenant, job.id, known, job.revision)
            elif _is_new(connection, job):
                _record(connection, job, records)
            if records:
                deliveries.release(connection, job.id, job.revision)
            else:
                deliveries.give_up(connection, job.id, job.revision, "The result has no DICOM files.")
        failpoints.hit("results", "after-commit")
    return True


def _is_new(connection: Connection, job: jobs.Job) -> bool:
    """Return whether a revision has no instances yet; of several processes one records them."""
    jobs.lock(connection, job.id)
    return not deliveries.contents(connection, job.id, revision=job.revision)


def _are_written(ledger: Ledger, job: jobs.Job, artifacts: Collection[str]) -> bool:
    """Request the DICOM files that the revision can have; return whether no more of them are to come."""
    missing = [name for name in DICOM_FILES if name in job.current_offers and name not in artifacts]
    with ledger.read() as connection:
        known = files.states(connection, job.id, job.revision)
    for name in missing:
        if name not in known:
            with ledger.write() as connection:
                files.request(connection, None, job.id, name, 0.0, job.revision)
        elif known[name] == "failed":
            logger.error("a DICOM file could not be written; the others are published", extra={"job": job.id})
    return all(known.get(name) == "failed" for name in missing)


def _record(connection: Connection, job: jobs.Job, records: list[tuple[instances.Instance, instances.About]]) -> None:
    added = [
        instance_list.prefix(instance.id)
        for instance, about in records
        if instances.add(connection, job.tenant, instance, about, result_of=job.id, revision=job.revision)
    ]
    pending_puts.settle(connection, added)


def _keep(store: Store, instance_id: str, path: Path) -> tuple[instances.Instance, instances.About]:
    """Store a result beside the uploaded instances."""
    out = path.with_name(path.name + ".json")
    described = decoding.describe(lambda _: None, [[str(path), str(out)]])["instances"][0]
    published = describe.instance(instance_id, described, out, sha256(path), path.stat().st_size)
    store.put(instance_list.metadata_key(instance_id), out)
    store.put(instance_list.instance_key(instance_id), path)
    return published


def _mark(connection: Connection, job: jobs.Job) -> bool:
    """Record that a revision is in its study; return False if it is already, or a newer one."""
    same = (series_jobs.c.job_id == job.id) & (series_jobs.c.published < job.revision)
    return bool(connection.execute(update(series_jobs).where(same).values(published=job.revision)).rowcount)
