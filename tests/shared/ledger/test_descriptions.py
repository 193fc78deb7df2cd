"""Jobs are found by what people write about them and by what their stages found."""

import pytest
from sqlalchemy import select, update

from shared.ledger import descriptions, erasure, jobs
from shared.ledger.descriptions import Description
from shared.ledger.tables import descriptions as table
from shared.ledger.tables import warnings
from tests.shared.ledger.conftest import add_job


def describe(ledger, job, **values):
    with ledger.write() as connection:
        descriptions.describe(connection, job, **values)
        return descriptions.of(connection, [job])[job]


def find(ledger, query="", tenant="t", **wanted):
    where = descriptions.having(**wanted)
    if query:
        where.append(descriptions.matching(query))
    with ledger.read() as connection:
        return {job.id for job in jobs.page(connection, tenant, where=where)}


def test_fields_change_one_by_one(ledger, job):
    describe(ledger, job, name="Case 7", tags=["liver", "Trial"])
    after = describe(ledger, job, review="accepted", modality="MR", model="gut-pair")
    assert after == Description("Case 7", "", ("liver", "Trial"), "accepted", "MR", "gut-pair")
    with ledger.read() as connection:
        assert descriptions.of(connection, [job, "job_other"]) == {job: after}


@pytest.mark.parametrize(
    "query",
    ["case", "CASE 7", "7 liver", "trial", "öden", "ÖDEN", "mr", "gut-pair", "50%", "a_b", "back\\slash"],
)
def test_every_word_is_found_in_upper_and_lower_case(ledger, job, query):
    other = add_job(ledger)
    describe(ledger, other, name="something else", note="50 a-b")
    describe(
        ledger, job, name="Case 7", note="Ödeme, 50% a_b back\\slash Öden", tags=["liver", "Trial"], modality="MR",
        model="gut-pair",
    )  # fmt: skip
    assert find(ledger, query) == {job}


@pytest.mark.parametrize("query", ["case 8", "liver spleen", "%", "_", "5_%"])
def test_a_job_that_lacks_a_word_is_not_found(ledger, job, query):
    describe(ledger, job, name="Case 7", tags=["liver"])
    assert find(ledger, query) == set()


def test_a_job_is_found_by_a_part_of_its_number_without_a_description(ledger, job):
    add_job(ledger)
    assert find(ledger, job[-8:]) == {job}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("2024-02-29", True),
        ("2024-02", True),
        ("2024", True),
        ("2024-03", False),
        ("2024-02-28", False),
        ("2023", False),
    ],
)
def test_a_job_is_found_by_the_day_month_and_year_of_its_creation(ledger, job, query, found):
    with ledger.write() as connection:
        connection.execute(update(jobs.jobs).values(created=1709251199.0))  # 2024-02-29 23:59:59 UTC
    assert find(ledger, query) == ({job} if found else set())


def test_the_last_month_of_a_year_ends_with_it(ledger, job):
    with ledger.write() as connection:
        connection.execute(update(jobs.jobs).values(created=1735689599.0))  # 2024-12-31 23:59:59 UTC
    assert find(ledger, "2024-12") == find(ledger, "2024") == {job}
    assert find(ledger, "2025") == find(ledger, "2024-11") == set()


def test_modality_model_review_and_tags_limit_what_is_found(ledger, job):
    plain = add_job(ledger)
    describe(ledger, job, tags=["liver", "trial"], review="accepted", modality="CT", model="liver")
    assert find(ledger, modality="CT") == find(ledger, model="liver") == find(ledger, review="accepted") == {job}
    assert find(ledger, tags=["Liver", "trial"]) == {job}
    assert find(ledger, tags=["live"]) == find(ledger, tags=["liver", "x"]) == find(ledger, modality="MR") == set()
    assert find(ledger, review="unread") == {plain}
    assert find(ledger, "liver", review="unread") == set()


def test_another_tenant_finds_nothing(ledger, job):
    add_job(ledger, "u")
    describe(ledger, job, name="Case 7")
    assert find(ledger, "case", tenant="u") == set()


def test_texts_are_erased_with_the_job(ledger, job):
    describe(ledger, job, name="Case 7")
    with ledger.write() as connection:
        erasure.erase_job(connection, "t", job, "key")
        assert connection.execute(select(table)).first() is None


def test_warnings_are_replaced_found_and_erased_with_the_job(ledger, job):
    other = add_job(ledger, tenant="other")
    with ledger.write() as connection:
        descriptions.set_warnings(connection, job, ["tiny", "absent", "tiny"])
        descriptions.set_warnings(connection, other, ["tiny"])
    assert (find(ledger, warning="tiny"), find(ledger, warning="tiny", tenant="other")) == ({job}, {other})
    with ledger.write() as connection:
        descriptions.set_warnings(connection, job, ["absent"])
    assert (find(ledger, warning="tiny"), find(ledger, warning="absent")) == (set(), {job})
    with ledger.write() as connection:
        erasure.erase_job(connection, "t", job, "key")
        assert {row.job_id for row in connection.execute(select(warnings))} == {other}


def test_a_review_has_a_person_and_a_time_until_the_job_is_unread(ledger, job):
    def described():
        with ledger.read() as connection:
            return descriptions.of(connection, [job])[job]

    with ledger.write() as connection:
        descriptions.review(connection, job, "accepted", "key_1" + "x" * 200)
    first = described()
    assert (first.review, first.reviewed_by) == ("accepted", ("key_1" + "x" * 200)[:100])
    assert first.reviewed_at > 1.7e9
    describe(ledger, job, note="seen")
    assert described().reviewed_at == first.reviewed_at
    with ledger.write() as connection:
        descriptions.review(connection, job, "unread", "key_2")
    assert (described().review, described().reviewed_by, described().reviewed_at) == ("unread", "", None)
