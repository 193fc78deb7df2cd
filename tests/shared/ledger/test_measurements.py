"""Measurements stay with their job: nobody's is lost, their report is of the list as it is, and erasing erases them."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from shared.errors import NotFound, TooMany
from shared.ledger import erasure, files, measurements
from shared.ledger.claims import LostLease
from shared.ledger.jobs import Artifact, lock, published
from shared.ledger.measurements import NO_REVISION, Amount, Changed, Shape
from shared.ledger.tables import file_runs, pending_deletes
from shared.ledger.tables import measurements as table
from tests.shared.ledger.conftest import add_job

LINE = Shape("length", "axial", ((0.0, 0.0, 0.0), (3.0, 4.0, 0.0)))
FIVE = Amount(5.0, "mm")


def put(ledger, job, wanted, label="", shape=LINE, seen=0, actor="key_1"):
    with ledger.write() as connection:
        return measurements.put(connection, job, wanted, shape, FIVE, label, actor, seen)


def listed(ledger, job, tenant=None):
    with ledger.read(tenant) as connection:
        return {one.id: one.label for one in measurements.of_job(connection, job)}


def test_they_are_listed_as_they_were_put_oldest_first(ledger, job):
    circle = Shape("area", "coronal", ((0.0, 0.0, 0.0), (2.0, 0.0, 0.0), (1.0, 0.0, 1.0), (1.0, 0.0, -1.0)))
    found = Amount(0.0314, "cm2", {"mean": 1.5, "voxels": 7})
    first = put(ledger, job, "line-0001", "largest")
    with ledger.write() as connection:
        measurements.put(connection, job, "area-0001", circle, found, "", "key_2", 0)
        first_again, second = measurements.of_job(connection, job)
    assert first_again == first
    assert (first.shape, first.amount, first.label, first.actor) == (LINE, FIVE, "largest", "key_1")
    assert (second.shape, second.amount, second.actor) == (circle, found, "key_2")


def test_an_arrow_has_no_amount(ledger, job):
    arrow = Shape("arrow", "surface", LINE.points)
    with ledger.write() as connection:
        first = measurements.put(connection, job, "arrow-001", arrow, None, "fissure", "key_1", 0)
        assert measurements.of_job(connection, job) == [first]
    assert (first.amount, first.label) == (None, "fissure")


def test_the_same_again_changes_nothing_and_another_needs_the_number_that_was_seen(ledger, job):
    first = put(ledger, job, "line-0001")
    assert put(ledger, job, "line-0001", actor="key_2") == first
    renamed = put(ledger, job, "line-0001", "liver", seen=first.number)
    assert (renamed.label, renamed.actor, renamed.created) == ("liver", "key_1", first.created)
    with pytest.raises(Changed):
        put(ledger, job, "line-0001", "spleen", seen=first.number)
    assert listed(ledger, job) == {"line-0001": "liver"}


def test_a_job_has_so_many_at_most_and_a_known_one_still_changes(ledger, job, monkeypatch):
    monkeypatch.setattr(measurements, "MOST", 2)
    put(ledger, job, "line-0001")
    last = put(ledger, job, "line-0002")
    with pytest.raises(TooMany):
        put(ledger, job, "line-0003")
    assert put(ledger, job, "line-0002", "b", seen=last.number).label == "b"
    put(ledger, add_job(ledger), "line-0003")


def test_two_people_at_once_never_pass_the_bound(ledger, job, monkeypatch):
    monkeypatch.setattr(measurements, "MOST", 3)
    start = threading.Barrier(4)

    def add(number):
        start.wait(20)
        with ledger.write() as connection:
            lock(connection, job)
            measurements.put(connection, job, f"line-000{number}", LINE, FIVE, "", "key_1", 0)

    with ThreadPoolExecutor() as pool:
        ended = [future.exception() for future in [pool.submit(add, number) for number in range(4)]]
    assert [type(error) for error in ended if error] == [TooMany]
    assert len(listed(ledger, job)) == 3
    with ledger.read() as connection:
        assert measurements.changes(connection, job) == 3, "every change is counted once"


def test_one_is_removed_once(ledger, job):
    put(ledger, job, "line-0001")
    with ledger.write() as connection:
        measurements.remove(connection, job, "line-0001")
    with ledger.write() as connection, pytest.raises(NotFound):
        measurements.remove(connection, job, "line-0001")
    assert listed(ledger, job) == {}


@pytest.mark.parametrize("ledger", ["postgresql"], indirect=True)  # row-level security is PostgreSQL's
def test_the_database_shows_another_tenant_none(ledger, job):
    put(ledger, job, "line-0001")
    add_job(ledger, "u")
    assert listed(ledger, job, "t") == {"line-0001": ""}
    assert listed(ledger, job, "u") == {}


def test_they_are_erased_with_the_job(ledger, job):
    put(ledger, job, "line-0001", "Canary^Name")
    with ledger.write() as connection:
        erasure.erase_job(connection, "t", job, "key")
        assert connection.execute(select(table)).first() is None


def request(ledger, job):
    with ledger.write() as connection:
        name = measurements.report_name(measurements.changes(connection, job))
        files.request(connection, "t", job, name, revision=NO_REVISION)
        return files.claim_next(connection, "w", job)


def test_a_change_makes_the_report_before_it_obsolete(ledger, job):
    put(ledger, job, "line-0001")
    claim = request(ledger, job)
    written = Artifact("files", claim.name, claim.prefix + claim.name, "0" * 64, 1)
    with ledger.write() as connection:
        files.complete(connection, claim, [written])
        assert published(connection, job, NO_REVISION) == {claim.name: written}
        assert published(connection, job) == {}, "manifests and lists of files do not have it"
    put(ledger, job, "line-0002")
    with ledger.read() as connection:
        assert published(connection, job, NO_REVISION) == {}
        assert connection.execute(select(pending_deletes.c.prefix)).scalars().all() == [claim.prefix]
    assert request(ledger, job).name != claim.name


def test_a_worker_that_writes_an_obsolete_report_publishes_nothing(ledger, job):
    put(ledger, job, "line-0001")
    claim = request(ledger, job)
    with ledger.write() as connection:
        measurements.remove(connection, job, "line-0001")
        assert connection.execute(select(file_runs)).first() is None
    with ledger.write() as connection, pytest.raises(LostLease):
        files.complete(connection, claim, [])
