"""Early outlines are there while the segmenter works and somebody looks, and nowhere afterwards."""

import pytest
from sqlalchemy import func, select

from shared.ledger import claims, early, jobs
from shared.ledger.tables import early_parts, viewers


@pytest.fixture
def claim(ledger, job):
    with ledger.write() as connection:
        claims.complete(connection, claims.claim(connection, job, "classifier", "w"), [])
        return claims.claim(connection, job, "segmenter", "w")


def show(ledger, claim, start, stop, data=b"labels"):
    with ledger.write() as connection:
        claims.show_early(connection, claim, early.Slab(0, start, stop), data)


def parts(ledger, job):
    with ledger.read() as connection:
        return [(part.number, part.start, part.stop) for part in early.parts(connection, job)]


def rows(ledger):
    with ledger.read() as connection:
        return [
            connection.execute(select(func.count()).select_from(table)).scalar() for table in (early_parts, viewers)
        ]


def test_somebody_who_looked_counts_for_some_seconds(ledger, job):
    with ledger.write() as connection:
        assert not early.is_looked_at(connection, job)
        early.look(connection, job, -1.0)
        assert not early.is_looked_at(connection, job)
        early.look(connection, job, 15.0)
        assert early.is_looked_at(connection, job)


def test_parts_are_numbered_in_the_order_in_which_they_were_finished(ledger, job, claim):
    show(ledger, claim, 0, 8, b"first")
    show(ledger, claim, 8, 20, b"second")
    assert parts(ledger, job) == [(0, 0, 8), (1, 8, 20)]
    with ledger.read() as connection:
        assert early.read(connection, job, 1) == b"second"
        assert early.read(connection, job, 2) is None


def test_a_part_that_is_too_large_is_left_out(ledger, job, claim):
    show(ledger, claim, 0, 8, bytes(early.LARGEST + 1))
    show(ledger, claim, 8, 20)
    assert parts(ledger, job) == [(0, 8, 20)]


def test_another_attempt_starts_anew_and_the_older_one_can_no_longer_write(ledger, job, claim):
    show(ledger, claim, 0, 8)
    show(ledger, claim, 8, 16)
    with ledger.write() as connection:
        claims.release(connection, claim, counts=True)
        second = claims.claim(connection, job, "segmenter", "v")
    with pytest.raises(claims.LostLease):
        show(ledger, claim, 16, 24)
    show(ledger, second, 0, 4)
    assert parts(ledger, job) == [(0, 0, 4)]


@pytest.mark.parametrize("how", ["completed", "failed", "cancelled", "erased"])
def test_nothing_is_left_once_the_outlines_are_complete_or_the_job_has_ended(ledger, job, claim, how):
    show(ledger, claim, 0, 8)
    with ledger.write() as connection:
        early.look(connection, job)
        if how == "completed":
            claims.complete(connection, claim, [])
        elif how == "failed":
            claims.fail(connection, claim, "corrupt_scan", "damaged")
        else:
            jobs.end(connection, job, "cancelled")
        if how == "erased":
            connection.execute(jobs.jobs.delete().where(jobs.jobs.c.id == job))
    assert rows(ledger) == [0, 0]
