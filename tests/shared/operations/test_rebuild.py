"""A ledger that is lost comes back from the store's manifests, and nothing else does."""

import json
from dataclasses import replace

import pytest
from sqlalchemy import select

from services.reconciler import reconcile
from shared.errors import NotFound
from shared.ledger import audit, claims, erasure, files, jobs, manifest_state, pending_puts, revisions
from shared.ledger.history import history
from shared.ledger.tables import api_keys, deliveries, events, scans, stage_runs
from shared.operations.backup import damaged
from shared.operations.manifests import file_accepted, file_job, file_missing
from shared.operations.rebuild import APART, rebuild
from shared.storage.base import Store, sha256
from shared.storage.local import LocalStore
from shared.worker.queue import make_app
from tests.support import contracts

MODEL = "a" * 64


@pytest.fixture(params=contracts.STORES)
def store(request, tmp_path) -> Store:
    return contracts.STORES[request.param](request.getfixturevalue("s3") if request.param == "s3" else tmp_path)


@pytest.fixture(params=contracts.LEDGERS)
def ledgers(request, tmp_path):
    """The ledger that will be lost, and an empty one."""
    places = [tmp_path / "old", tmp_path / "new"]
    if request.param == "postgresql":
        places = [request.getfixturevalue("postgresql")] * 2
    else:
        for place in places:
            place.mkdir()
    make = contracts.LEDGERS[request.param]
    with make(places[0]) as old, make(places[1]) as new:
        yield old, new


def keep(store, tmp_path, key, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    digest = sha256(path)
    store.put(key, path)
    return digest


def accept(ledger, store, tmp_path, tenant="t", seconds=600.0):
    scan_id = jobs.new_id("scan")
    key = f"scans/{scan_id}/original"
    scan = jobs.Scan(scan_id, key, keep(store, tmp_path, key, scan_id.encode()), len(scan_id), "nifti")
    with ledger.write() as connection:
        jobs.ensure_tenant(connection, tenant)
        jobs.add_scan(connection, tenant, scan)
        return jobs.create(connection, tenant, scan_id, {"quality": "light"}, seconds=seconds, model=MODEL)


def work(ledger, store, tmp_path, job_id, stages=jobs.STAGES):
    for stage in stages:
        with ledger.write() as connection:
            claim = claims.claim(connection, job_id, stage, "w")
        content = f"{job_id} {stage}".encode()
        digest = keep(store, tmp_path, claim.prefix + stage, content)
        with ledger.write() as connection:
            claims.complete(
                connection, claim, [jobs.Artifact(stage, stage, claim.prefix + stage, digest, len(content))]
            )
            if stage == jobs.STAGES[-1]:
                files.offer(connection, job_id, ["model.stl"])


def look(ledger, job_id):
    """Everything about a job that must be the same afterwards."""
    with ledger.read() as connection:
        job = jobs.get(connection, None, job_id)
        runs = [(r.stage, r.state, r.attempts, r.progress, r.started, r.ended) for r in job.stages]
        about = (job.tenant, job.scan_id, job.options, job.state, job.created, job.started, job.ended, job.deadline)
        return (
            about,
            job.model,
            job.offers,
            (job.error_code, job.error_detail),
            runs,
            jobs.published(connection, job_id),
        )


def test_ended_jobs_come_back_as_they_were_and_open_ones_begin_anew(ledgers, store, tmp_path):
    old, new = ledgers
    done, failed, cancelled, running, fresh = (accept(old, store, tmp_path, t) for t in ("a", "b", "a", "a", "b"))
    work(old, store, tmp_path, done)
    work(old, store, tmp_path, running, jobs.STAGES[:2])
    with old.write() as connection:
        claims.fail(connection, claims.claim(connection, failed, "classifier", "w"), "corrupt_scan", "It is torn.")
        jobs.cancel(connection, "a", cancelled)
    assert file_missing(old, store) == 10
    assert file_missing(old, store) == 0
    result = rebuild(new, store)
    assert (result.scans, result.ended, result.opened, result.known, result.lost) == (5, 3, 2, 0, [])
    for job in (done, failed, cancelled):
        assert look(new, job) == look(old, job)
    with new.read() as connection:
        for job in (running, fresh):
            back = jobs.get(connection, None, job)
            assert (back.state, back.stage, back.stages[0].state) == ("queued", "classifier", "ready")
            assert back.model == MODEL
            assert jobs.published(connection, job) == {}
        kinds = [event.kind for event in history(connection, done)]
        assert kinds == ["queued", "succeeded"]
        assert [job.id for job in jobs.page(connection, "a")] == [running, cancelled, done]
        assert [record.action for record in audit.records(connection, "a")] == ["rebuild"]
        for table in (api_keys, deliveries):
            assert connection.execute(select(table)).first() is None
    for job in (running, fresh):
        work(new, store, tmp_path, job)
        with new.read() as connection:
            assert jobs.get(connection, None, job).state == "succeeded"


def test_again_changes_nothing(ledgers, store, tmp_path):
    old, new = ledgers
    done, fresh = accept(old, store, tmp_path), accept(old, store, tmp_path)
    work(old, store, tmp_path, done)
    file_missing(old, store)
    rebuild(new, store)
    work(new, store, tmp_path, fresh, jobs.STAGES[:1])
    before = look(new, done), look(new, fresh)
    result = rebuild(new, store)
    assert (result.scans, result.ended, result.opened, result.known) == (0, 0, 0, 2)
    assert (look(new, done), look(new, fresh)) == before
    with new.read() as connection:
        assert len(connection.execute(select(events).where(events.c.kind == "succeeded")).all()) == 1


def test_a_worker_of_the_lost_ledger_writes_where_nobody_else_does(ledgers, store, tmp_path):
    old, new = ledgers
    job = accept(old, store, tmp_path)
    with old.write() as connection:
        stalled = claims.claim(connection, job, "classifier", "w")
    keep(store, tmp_path, stalled.prefix + "x", b"half")
    file_missing(old, store)
    rebuild(new, store)
    with new.write() as connection:
        assert claims.claim(connection, job, "classifier", "w").fence == stalled.fence + APART + 1
    reconcile(new, store, make_app("memory://"), again=5.0)
    assert stalled.prefix + "x" not in set(store.keys())


def test_what_was_erased_stays_erased(ledgers, store, tmp_path):
    old, new = ledgers
    job = accept(old, store, tmp_path)
    work(old, store, tmp_path, job)
    file_missing(old, store)
    with old.write() as connection:
        prefixes = erasure.erase_job(connection, "t", job, "key")
    for prefix in prefixes:
        store.delete(prefix)
    assert list(store.keys()) == []
    assert rebuild(new, store).ended == 0


def test_a_manifest_written_while_its_job_is_erased_is_condemned(ledgers, store, tmp_path):
    old, _ = ledgers
    job = accept(old, store, tmp_path)
    with old.write() as connection:
        erasure.erase_job(connection, "t", job, "key")
        connection.exec_driver_sql("DELETE FROM doomed")  # long ago: the erased prefix is forgotten
        manifest_state.record_job_manifest(connection, job, manifest_state.ACCEPTED)
    keep(store, tmp_path, f"jobs/{job}/accepted.json", b"{}")
    reconcile(old, store, make_app("memory://"), again=5.0)
    assert list(store.keys("jobs/")) == []


def test_two_writers_leave_what_one_leaves(ledgers, store, tmp_path):
    old, _ = ledgers
    job = accept(old, store, tmp_path)
    file_job(old, store, job)
    first = b"".join(store.read(f"jobs/{job}/accepted.json"))
    file_job(old, store, job)
    assert b"".join(store.read(f"jobs/{job}/accepted.json")) == first
    work(old, store, tmp_path, job)
    file_job(old, store, job)
    with old.write() as connection:
        manifest_state.record_job_manifest(
            connection, job, manifest_state.ACCEPTED
        )  # a slow writer of the acceptance comes last
        assert manifest_state.jobs_without_manifest(connection) == []
    assert json.loads(b"".join(store.read(f"jobs/{job}/manifest.json")))["state"] == "succeeded"


@pytest.mark.parametrize("damage", ["file", "scan", "scan manifest", "manifest", "foreign key", "foreign tenant"])
def test_what_is_not_whole_is_told_and_left_out(ledgers, store, tmp_path, damage):
    old, new = ledgers
    whole, broken = accept(old, store, tmp_path), accept(old, store, tmp_path)
    work(old, store, tmp_path, whole)
    if damage != "scan":
        work(old, store, tmp_path, broken)
    file_missing(old, store)
    with old.read() as connection:
        scan = jobs.get(connection, None, broken).scan_id
    key = f"jobs/{broken}/manifest.json"
    told = json.loads(b"".join(store.read(key))) if damage != "scan" else {}
    if damage == "foreign key":
        told["artifacts"][0]["key"] = f"jobs/{whole}/classifier/1/classifier"
    foreign = json.dumps(told | ({"tenant": "other"} if damage == "foreign tenant" else {})).encode()
    keys = {"file": (f"jobs/{broken}/mesher/1/mesher", b"short"), "scan": (f"scans/{scan}/original", b"short")}
    keys |= {"scan manifest": (f"scans/{scan}/manifest.json", b"{}"), "manifest": (key, b"\xff{")}
    keep(store, tmp_path, *keys.get(damage, (key, foreign)))
    result = rebuild(new, store)
    assert (result.ended, result.opened, broken in dict(result.lost)) == (1, 0, True)
    with new.read() as connection, pytest.raises(NotFound):
        jobs.get(connection, None, broken)
    assert look(new, whole) == look(old, whole)


def test_manifests_name_no_file_and_no_patient(ledgers, store, tmp_path):
    old, _ = ledgers
    job = accept(old, store, tmp_path)
    work(old, store, tmp_path, job)
    file_missing(old, store)
    told = json.loads(b"".join(store.read(f"jobs/{job}/manifest.json")))
    assert set(told) == {
        "version", "id", "tenant", "scan", "options", "created", "deadline", "state", "started", "ended", "error_code",
        "error_detail", "stages", "artifacts", "offers", "model",
    }  # fmt: skip
    scan = json.loads(b"".join(store.read(f"scans/{told['scan']}/manifest.json")))
    assert set(scan) == {"version", "id", "tenant", "key", "sha256", "bytes", "format", "created"}


def test_a_store_that_is_away_costs_the_caller_nothing(ledgers, store, tmp_path):
    old, _ = ledgers
    job = accept(old, store, tmp_path)
    with old.read() as connection:
        scan = jobs.get(connection, None, job).scan_id
    away = LocalStore(tmp_path / "away")
    (tmp_path / "away").rmdir()
    (tmp_path / "away").write_bytes(b"not a folder")
    file_accepted(old, away, scan, job)
    with old.read() as connection:
        assert manifest_state.jobs_without_manifest(connection) == [job]
        assert connection.execute(select(scans.c.filed)).scalars().all() == [0]
    file_missing(old, store)
    with old.read() as connection:
        assert manifest_state.jobs_without_manifest(connection) == []
        assert connection.execute(select(stage_runs.c.state).where(stage_runs.c.job_id == job)).first() is not None


def revise(ledger, store, tmp_path, job_id):
    """A person's correction of a job whose segmenter published a label map."""
    prefix = revisions.new_prefix(job_id)
    digest = keep(store, tmp_path, prefix + revisions.LABELS, b"corrected")
    labels = jobs.Artifact(revisions.STAGE, revisions.LABELS, prefix + revisions.LABELS, digest, 9)
    with ledger.write() as connection:
        pending_puts.announce(connection, [prefix], 60.0)
        outlines = jobs.published(connection, job_id)["segmenter"]
        jobs.publish(connection, job_id, [replace(outlines, name=revisions.LABELS)])
        base = revisions.current(connection, job_id)
        edit = revisions.Edit("key_1", ("relabel",), {"1": (2, 3)})
        return revisions.add(connection, job_id, base, labels, edit)


def test_revisions_come_back_and_are_written_again(ledgers, store, tmp_path):
    old, new = ledgers
    job, torn = accept(old, store, tmp_path), accept(old, store, tmp_path)
    for each in (job, torn):
        work(old, store, tmp_path, each)
        assert revise(old, store, tmp_path, each) == 2
    file_missing(old, store)
    assert file_missing(old, store) == 0
    with old.read() as connection:
        lost = jobs.published(connection, torn, 2)[revisions.LABELS].key
        before = revisions.get(connection, job, 2)
    keep(store, tmp_path, lost, b"short")
    result = rebuild(new, store)
    assert (result.ended, result.revisions, dict(result.lost)) == (
        2, 1, {f"{torn} revision 2": "its label map is not whole"},
    )  # fmt: skip
    with new.write() as connection:
        assert revisions.get(connection, job, 2) == before
        claimed = files.claim_next(connection, "w", job)
        assert (claimed.job_id, claimed.revision, claimed.name) == (job, 2, jobs.RESULT)
        assert revisions.of_job(connection, torn) == []
        assert jobs.get(connection, None, job).revision == 1
    assert rebuild(new, store).revisions == 0


def test_the_inventory_names_the_files_of_revisions(ledgers, store, tmp_path):
    old, _ = ledgers
    job = accept(old, store, tmp_path)
    work(old, store, tmp_path, job)
    revise(old, store, tmp_path, job)
    with old.read() as connection:
        key = jobs.published(connection, job, 2)[revisions.LABELS].key
    assert list(damaged(old, store)) == []
    keep(store, tmp_path, key, b"other")
    assert list(damaged(old, store)) == [key]
