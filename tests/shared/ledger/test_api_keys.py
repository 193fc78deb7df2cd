"""Keys: their form, scopes, end, revocation; and the wall between tenants."""

import pytest
from sqlalchemy import select, text, update

from shared.errors import NotFound, Unauthorized, Unprocessable
from shared.ledger import api_keys as access
from shared.ledger import erasure, jobs
from shared.ledger.tables import api_keys
from shared.ledger.tables import jobs as job_rows
from tests.shared.ledger.conftest import add_job


def add(ledger, **given):
    key = access.new_key(given.get("kind", "key"))
    with ledger.write() as connection:
        return key, access.add_key(connection, key, given.pop("tenant", "t"), **given)


def who(ledger, key):
    with ledger.read() as connection:
        return access.caller(connection, key)


def test_a_key_names_its_tenant_scopes_and_name_and_is_kept_only_as_a_digest(ledger):
    key, key_id = add(ledger, name="ward 3", scopes=["jobs:read"])
    found = who(ledger, key)
    assert (found.key_id, found.tenant, found.scopes, found.name) == (key_id, "t", frozenset({"jobs:read"}), "ward 3")
    with ledger.read() as connection:
        row = connection.execute(select(api_keys)).mappings().one()
    assert key not in str(dict(row))
    assert row["prefix"] == key[:8]


@pytest.mark.parametrize("kind", ["key", "session", "share", "token"])
def test_keys_have_256_bits_and_a_checksum_that_finds_every_slip(kind):
    made = {access.new_key(kind) for _ in range(50)}
    assert len(made) == 50
    for key in made:
        assert len(key) == 53
        assert access.well_formed(key)
        for at in (5, 20, 47, 52):
            slipped = key[:at] + ("a" if key[at] != "a" else "b") + key[at + 1 :]
            assert not access.well_formed(slipped)


def test_expired_revoked_and_unknown_keys_are_refused_alike(ledger):
    expired, key_id = add(ledger, seconds=60)
    revoked, other = add(ledger)
    with ledger.write() as connection:
        connection.execute(update(api_keys).where(api_keys.c.id == key_id).values(expires=1.0))
        access.revoke(connection, "t", other)
    told = set()
    for key in (expired, revoked, access.new_key(), "anything", ""):
        with pytest.raises(Unauthorized) as error:
            who(ledger, key)
        told.add(error.value.detail)
    assert len(told) == 1


def test_a_key_ends_with_its_parent(ledger):
    key, key_id = add(ledger)
    session, _ = add(ledger, kind="session", parent=key_id)
    assert who(ledger, session).kind == "session"
    with ledger.write() as connection:
        access.revoke(connection, "t", key_id)
    with pytest.raises(Unauthorized):
        who(ledger, session)
    assert key != session


def test_another_tenants_key_is_neither_seen_nor_revoked(ledger):
    _, key_id = add(ledger)
    add(ledger, tenant="other")
    with ledger.write() as connection:
        assert [key.id for key in access.keys(connection, "t")] == [key_id]
        with pytest.raises(NotFound):
            access.revoke(connection, "other", key_id)
        with pytest.raises(NotFound):
            access.get_key(connection, "other", key_id)


def test_unknown_scopes_are_refused(ledger):
    with pytest.raises(Unprocessable, match="jobs:read"):
        add(ledger, scopes=["everything"])


def test_sessions_shares_and_tokens_are_forgotten_after_their_end_but_keys_stay(ledger):
    _, kept = add(ledger, seconds=1)
    add(ledger, kind="session", seconds=1)
    _, alive = add(ledger, kind="session", seconds=1000)
    with ledger.write() as connection:
        connection.execute(update(api_keys).where(api_keys.c.id != alive).values(expires=1.0))
        access.forget_expired(connection)
        assert set(connection.execute(select(api_keys.c.id)).scalars()) == {kept, alive}


def test_a_share_ends_with_its_job(ledger, job):
    share, _ = add(ledger, kind="share", job_id=job, scopes=["jobs:read"])
    assert who(ledger, share).job == job
    with ledger.write() as connection:
        erasure.erase_job(connection, "t", job, "a")
    with pytest.raises(Unauthorized):
        who(ledger, share)


@pytest.mark.parametrize("ledger", ["postgresql"], indirect=True)  # row-level security is PostgreSQL's
def test_a_confined_transaction_sees_no_other_tenants_rows_whatever_it_asks(ledger):
    first, second = add_job(ledger, "one"), add_job(ledger, "two")
    with ledger.read("two") as connection:
        assert list(connection.execute(select(job_rows.c.id)).scalars()) == [second]
        for table in ("scans", "stage_runs", "events"):
            everything = connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
            assert everything == (3 if table == "stage_runs" else 1)
        assert jobs.get(connection, "two", second).position == 2  # places count everybody's jobs
        with pytest.raises(NotFound):
            jobs.get(connection, None, first)
    with ledger.write("two") as connection:
        assert connection.execute(update(job_rows).values(stage="mesher")).rowcount == 1
    with ledger.read() as connection:
        assert len(connection.execute(select(job_rows.c.id)).all()) == 2
