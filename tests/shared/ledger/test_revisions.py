"""Revisions: numbered one after the other, based on the current one, written by the rules of files; the job stays."""

import pytest
from sqlalchemy import update

from shared.errors import NotFound, Unavailable
from shared.ledger import claims, erasure, files, jobs, pending_deletes, pending_puts, revisions
from shared.ledger.revisions import LABELS
from shared.ledger.tables import file_runs, revision_artifacts
from shared.ledger.tables import revisions as table
from tests.shared.ledger.conftest import add_job
from tests.shared.ledger.test_files import claim, request, run_out

EDIT = revisions.Edit("key_1", ("relabel",), {"1": (5, 0), "2": (0, 5)})


@pytest.fixture
def done(ledger, job):
    return finished(ledger, job)


def finished(ledger, job):
    with ledger.write() as connection:
        for stage in jobs.STAGES:
            claimed = claims.claim(connection, job, stage, "w")
            name = LABELS if stage == "segmenter" else f"{stage}.bin"
            claims.complete(connection, claimed, [jobs.Artifact(stage, name, claimed.prefix + name, "0" * 64, 1)])
    return job


def current(ledger, job):
    with ledger.read() as connection:
        return revisions.current(connection, job)


def stored(ledger, job, digest="1"):
    prefix = revisions.new_prefix(job)
    with ledger.write() as connection:
        pending_puts.announce(connection, [prefix], 60.0)
    return jobs.Artifact(revisions.STAGE, LABELS, prefix + LABELS, digest * 64, 2)


def add(ledger, job, base=None, digest="1"):
    base, labels = base or current(ledger, job), stored(ledger, job, digest)
    with ledger.write() as connection:
        return revisions.add(connection, job, base, labels, EDIT)


def complete(ledger, claimed, name="model.glb"):
    with ledger.write() as connection:
        files.complete(connection, claimed, [jobs.Artifact("files", name, claimed.prefix + name, "2" * 64, 3)])


def look(ledger, job):
    with ledger.read() as connection:
        return jobs.get(connection, None, job)


def states(ledger, job):
    with ledger.read() as connection:
        return [(revision.number, revision.state) for revision in revisions.of_job(connection, job)]


def test_revisions_are_numbered_from_two_and_the_newest_finished_one_is_the_jobs(ledger, done):
    before = look(ledger, done)
    assert before.revision == 1
    assert [add(ledger, done), add(ledger, done, digest="3")] == [2, 3]
    assert look(ledger, done).revision == 1
    first = claim(ledger)
    assert (first.revision, first.name) == (2, jobs.RESULT)
    complete(ledger, claim(ledger))
    assert look(ledger, done).revision == 3
    complete(ledger, first)
    assert look(ledger, done).revision == 3
    after = look(ledger, done)
    assert (after.state, after.ended, after.stages) == (before.state, before.ended, before.stages)


def test_the_first_revision_stays_as_it_is(ledger, done):
    with ledger.read() as connection:
        before = jobs.published(connection, done)
    add(ledger, done)
    complete(ledger, claim(ledger))
    with ledger.read() as connection:
        assert jobs.published(connection, done) == before
        assert set(jobs.published(connection, done, 2)) == {LABELS, "model.glb"}


def test_the_second_of_two_at_once_changes_nothing(ledger, done):
    base = current(ledger, done)
    add(ledger, done, base)
    with pytest.raises(revisions.Changed):
        add(ledger, done, base, digest="3")
    assert states(ledger, done) == [(2, "ready")]
    assert current(ledger, done).revision == 2


def test_a_failed_revision_is_not_current_and_its_number_is_not_used_again(ledger, done):
    base = current(ledger, done)
    add(ledger, done)
    for _ in range(claims.ATTEMPTS):
        claim(ledger, named=done)
        run_out(ledger)
    assert states(ledger, done) == [(2, "failed")]
    with ledger.read() as connection:
        assert revisions.get(connection, done, 2).error_code == "worker_lost"
    assert (current(ledger, done), look(ledger, done).revision) == (base, 1)
    assert add(ledger, done, base, digest="3") == 3


def test_a_revision_comes_before_files_that_its_tenant_requested_earlier(ledger, done):
    request(ledger, done)
    add(ledger, done)
    with ledger.write() as connection:
        connection.execute(update(file_runs).values(ring_at=0.0))
        due = files.due(connection, again=0.0, room=8)
    assert [message.urgent for message in due] == [True, False]
    assert [claim(ledger).name, claim(ledger).name] == [jobs.RESULT, "model.stl"]


def test_a_revision_has_files_and_offers_of_its_own(ledger, done):
    add(ledger, done)
    complete(ledger, claim(ledger))
    with ledger.write() as connection:
        files.offer(connection, done, ["model.stl"], {"model.stl"}, revision=2)
        assert files.states(connection, done, 2) == {jobs.RESULT: "done", "model.stl": "ready"}
        assert files.states(connection, done) == {}
        assert jobs.get(connection, None, done).current_offers == ("model.stl",)
        assert jobs.get(connection, None, done).offers == ()
    claimed = claim(ledger)
    assert f"/files/2/model.stl/{claimed.fence}/" in claimed.prefix


def test_bytes_whose_deletion_is_scheduled_make_no_revision(ledger, done):
    base, labels = current(ledger, done), stored(ledger, done)
    with ledger.write() as connection:
        pending_puts.withdraw(connection, [labels.key.removesuffix(LABELS)])
    with pytest.raises(Unavailable), ledger.write() as connection:
        revisions.add(connection, done, base, labels, EDIT)
    assert states(ledger, done) == []


def test_the_sweep_leaves_the_label_map_of_a_revision_alone(ledger, done):
    base, labels = current(ledger, done), stored(ledger, done)
    with ledger.write() as connection:
        revisions.add(connection, done, base, labels, EDIT)
        prefix = labels.key.removesuffix(LABELS)
        pending_puts.announce(connection, [prefix], 0.0)  # as a process that did not learn of the commit
        assert pending_puts.withdraw(connection, [prefix]) == []
        assert pending_deletes.prefixes(connection) == []


def test_an_erased_job_takes_its_revisions_along(ledger, done):
    add(ledger, done)
    base, labels = current(ledger, done), stored(ledger, done)
    with ledger.write() as connection:
        prefixes = erasure.erase_job(connection, "t", done, "key")
    assert any(labels.key.startswith(prefix) for prefix in prefixes)
    with ledger.read() as connection:
        assert [connection.execute(rows.select()).all() for rows in (table, revision_artifacts, file_runs)] == [[]] * 3
    with pytest.raises(NotFound), ledger.write() as connection:
        revisions.add(connection, done, base, labels, EDIT)


def test_who_did_what_is_recorded_and_no_revision_is_found_elsewhere(ledger, done):
    add(ledger, done)
    with ledger.read() as connection:
        revision = revisions.get(connection, done, 2)
        assert (revision.base, revision.edit.actor, revision.edit.kinds) == (1, "key_1", ("relabel",))
        assert {label: tuple(counts) for label, counts in revision.edit.changed.items()} == EDIT.changed
        with pytest.raises(NotFound):
            revisions.get(connection, done, 3)
        with pytest.raises(NotFound):
            revisions.get(connection, "job_other", 2)
    assert states(ledger, add_job(ledger, "t")) == []
