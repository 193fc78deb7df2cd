"""Views of the model stay with their job: two people lose nothing, and erasing erases them."""

import pytest
from sqlalchemy import select

from shared.errors import NotFound, TooMany
from shared.ledger import erasure, saved_views
from shared.ledger.saved_views import Changed
from shared.ledger.tables import saved_views as table
from tests.shared.ledger.conftest import add_job

LOOK = {"camera": [0.0, -400.0, 10.0], "xray": True, "opacities": [{"label": 3, "opacity": 0.5}]}


def put(ledger, job, wanted, name="left kidney", look=LOOK, seen=0):
    with ledger.write() as connection:
        return saved_views.put(connection, job, wanted, name, look, "key_1", seen)


def listed(ledger, job, tenant=None):
    with ledger.read(tenant) as connection:
        return {one.id: one.name for one in saved_views.of_job(connection, job)}


def test_a_view_is_kept_and_changed_by_its_number(ledger, job):
    first = put(ledger, job, "view-0001")
    assert (first.name, first.look, first.actor) == ("left kidney", LOOK, "key_1")
    assert put(ledger, job, "view-0001") == first, "the same again changes nothing"
    second = put(ledger, job, "view-0001", "kidney", LOOK | {"xray": False}, first.number)
    assert (second.name, second.look["xray"], second.created) == ("kidney", False, first.created)
    with pytest.raises(Changed):
        put(ledger, job, "view-0001", "spleen", seen=first.number)
    assert listed(ledger, job) == {"view-0001": "kidney"}


def test_a_job_has_so_many_at_most(ledger, job, monkeypatch):
    monkeypatch.setattr(saved_views, "MOST", 1)
    first = put(ledger, job, "view-0001")
    with pytest.raises(TooMany):
        put(ledger, job, "view-0002")
    put(ledger, job, "view-0001", "another name", seen=first.number)
    put(ledger, add_job(ledger), "view-0002")


def test_one_is_removed_once_and_all_with_the_job(ledger, job):
    put(ledger, job, "view-0001")
    with ledger.write() as connection:
        saved_views.remove(connection, job, "view-0001")
    with ledger.write() as connection, pytest.raises(NotFound):
        saved_views.remove(connection, job, "view-0001")
    put(ledger, job, "view-0002", "Canary^Name")
    with ledger.write() as connection:
        erasure.erase_job(connection, "t", job, "key")
        assert connection.execute(select(table)).first() is None


@pytest.mark.parametrize("ledger", ["postgresql"], indirect=True)  # row-level security is PostgreSQL's
def test_the_database_shows_another_tenant_none(ledger, job):
    put(ledger, job, "view-0001")
    add_job(ledger, "u")
    assert listed(ledger, job, "t") == {"view-0001": "left kidney"}
    assert listed(ledger, job, "u") == {}
