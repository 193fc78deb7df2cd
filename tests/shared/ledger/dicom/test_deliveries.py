"""Deliveries that somebody asks for wait until the files of the result are there."""

import pytest
from sqlalchemy import update

from shared.errors import Conflict
from shared.ledger.dicom import deliveries
from shared.ledger.dicom.tables import deliveries as table


def test_a_delivery_waits_for_its_files_and_is_then_taken(ledger, job):
    with ledger.write() as connection:
        asked = deliveries.request(connection, "t", job, "pacs", 2, ready=False)
        again = deliveries.request(connection, "t", job, "pacs", 2, ready=False)
    assert (asked.id, asked.state, asked.revision) == (again.id, "pending", 2)
    with ledger.write() as connection:
        assert deliveries.take(connection, 60.0) is None
        assert deliveries.waiting(connection) == [(job, 2)]
        with pytest.raises(Conflict):
            deliveries.retry(connection, "t", asked.id)
    with ledger.write() as connection:
        deliveries.release(connection, job, 1)
        assert deliveries.waiting(connection) == [(job, 2)], "that is another revision"
        deliveries.release(connection, job, 2)
        assert deliveries.waiting(connection) == []
        assert deliveries.take(connection, 60.0).id == asked.id


def test_one_on_its_way_stays_as_it_is_and_one_that_arrived_is_sent_again(ledger, job):
    with ledger.write() as connection:
        first = deliveries.request(connection, "t", job, "pacs", 1, ready=True)
        taken = deliveries.take(connection, 60.0)
        assert deliveries.request(connection, "t", job, "pacs", 1, ready=True).state == "sending"
        deliveries.settle(connection, taken, None)
        assert deliveries.get(connection, "t", first.id).state == "delivered"
        again = deliveries.request(connection, "t", job, "pacs", 1, ready=True)
        assert (again.id, again.state, again.attempts) == (first.id, "pending", 0)
        assert deliveries.take(connection, 60.0).fence == taken.fence + 1


def test_what_can_never_be_written_ends_its_deliveries_alone(ledger, job):
    with ledger.write() as connection:
        lost = deliveries.request(connection, "t", job, "pacs", 1, ready=False)
        due = deliveries.request(connection, "t", job, "archive", 1, ready=True)
        deliveries.give_up(connection, job, 1, "no files")
        found = {each.id: (each.state, each.error) for each in deliveries.page(connection, "t", job_id=job)}
        assert found == {lost.id: ("failed", "no files"), due.id: ("pending", None)}
        connection.execute(update(table).values(state="failed"))
        deliveries.retry(connection, "t", lost.id)
        assert deliveries.get(connection, "t", lost.id).state == "pending"
