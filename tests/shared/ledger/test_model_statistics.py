"""What is counted of each model, in the transactions of its jobs, and added up later."""

import statistics

import pytest
from sqlalchemy import update

from shared.ledger import claims, jobs, model_statistics, models, shadows
from shared.ledger.model_statistics import DAY, OUT_OF_DOMAIN, VOLUME, Result, Sums
from shared.ledger.model_tables import model_outcomes, model_times, model_values
from tests.shared.ledger.conftest import add_job

MODEL, OTHER = "1" * 64, "2" * 64


def start(ledger, model=MODEL):
    """A job whose segmenter runs a model."""
    job = add_job(ledger)
    with ledger.write() as connection:
        claims.complete(connection, claims.claim(connection, job, "classifier", "w"), [])
        claims.change_job(connection, claims.claim(connection, job, "segmenter", "w"), used_model=model)
    return job


def finish(ledger, volumes, model=MODEL, outside=False):
    job = start(ledger, model)
    with ledger.write() as connection:
        model_statistics.add_result(connection, job, Result(volumes, outside))
        jobs.end(connection, job, "succeeded")


def count(ledger):
    with ledger.write() as connection:
        while model_statistics.add_up(connection):
            pass
    with ledger.read() as connection:
        return model_statistics.of_models(connection)


def move(ledger, days, last=None):
    """Pretend that what was counted so far began this many days ago."""
    with ledger.write() as connection:
        last = {} if last is None else {"last": model_times.c.last - last * DAY}
        connection.execute(update(model_times).values(first=model_times.c.first - days * DAY, **last))


def test_jobs_are_counted_by_the_model_that_they_used_and_their_end(ledger):
    for state, model in (("succeeded", MODEL), ("failed", MODEL), ("failed", MODEL), ("cancelled", OTHER)):
        job = start(ledger, model)
        with ledger.write() as connection:
            jobs.end(connection, job, state, "internal_error" if state == "failed" else None)
    counted = count(ledger)
    assert {key: dict(each.jobs) for key, each in counted.items()} == {
        MODEL: {"succeeded": 1, "failed": 2},
        OTHER: {"cancelled": 1},
    }


def test_a_job_that_used_no_model_is_none_of_a_model(ledger, job):
    with ledger.write() as connection:
        model_statistics.add_result(connection, job, Result({"liver": 1.0}, False))
        jobs.end(connection, job, "failed", "bad_scan")
        assert not model_statistics.is_due(connection)


def test_a_job_whose_model_was_removed_is_a_failure_of_the_model(ledger, job):
    with ledger.write() as connection:
        models.report(connection, [models.KnownModel(MODEL, "liver", "1", True)])
        claims.change_job(connection, claims.claim(connection, job, "classifier", "w"), model=MODEL)
        jobs.end(connection, job, "failed", jobs.MODEL_REMOVED)
    assert count(ledger)[MODEL].jobs == {"failed": 1}


def test_volumes_have_number_mean_and_variance_by_organ(ledger):
    volumes = [1400.0, 1523.5, 1610.25, 1390.0]
    for number, volume in enumerate(volumes):
        finish(ledger, {"liver": volume} | ({"spleen": 200.0} if number else {}), outside=number == 0)
        if number == 1:
            count(ledger)
    found = count(ledger)[MODEL].quantities
    assert found[VOLUME, "liver"].every.count == 4
    assert found[VOLUME, "liver"].every.mean == pytest.approx(statistics.mean(volumes))
    assert found[VOLUME, "liver"].every.variance == pytest.approx(statistics.variance(volumes))
    assert found[VOLUME, "liver"].first == found[VOLUME, "liver"].every
    assert found[VOLUME, "liver"].recent == Sums()
    assert found[VOLUME, "spleen"].every == Sums(3, 600.0, 120000.0)
    assert found[OUT_OF_DOMAIN, ""].every == Sums(4, 1.0, 1.0)


def test_what_comes_after_the_first_week_is_recent_and_the_first_week_stays(ledger):
    finish(ledger, {"liver": 1000.0})
    count(ledger)
    move(ledger, days=8)
    finish(ledger, {"liver": 1500.0})
    liver = count(ledger)[MODEL].quantities[VOLUME, "liver"]
    assert (liver.first.mean, liver.recent.mean, liver.every.mean) == (1000.0, 1500.0, 1250.0)


def test_a_day_that_is_over_for_a_week_is_no_longer_recent_and_its_row_goes(ledger):
    finish(ledger, {"liver": 1000.0})
    count(ledger)
    move(ledger, days=20)
    finish(ledger, {"liver": 1500.0})
    count(ledger)
    days = model_values.c.period > model_statistics.FIRST
    with ledger.write() as connection:
        connection.execute(update(model_values).where(days).values(period=model_values.c.period - 8))
    with ledger.read() as connection:
        liver = model_statistics.of_models(connection)[MODEL].quantities[VOLUME, "liver"]
    assert (liver.recent, liver.every.count) == (Sums(), 2)
    finish(ledger, {"spleen": 200.0})
    count(ledger)
    with ledger.read() as connection:
        left = connection.execute(model_values.select().where(days)).all()
    assert {row.quantity for row in left} == {"out_of_domain:", "volume:spleen"}


def test_a_comparison_does_not_begin_the_first_week_of_a_model(ledger):
    with ledger.write() as connection:
        shadows.record(connection, MODEL, {"liver": 0.9}, {"liver": 12.0})
    assert count(ledger)[MODEL].quantities == {
        ("dice", "liver"): model_statistics.Periods(every=Sums(1, 0.9, 0.9**2)),
        ("difference", "liver"): model_statistics.Periods(every=Sums(1, 12.0, 144.0)),
    }
    with ledger.read() as connection:
        assert connection.execute(model_times.select()).one().first is None
    finish(ledger, {"liver": 1000.0})
    assert count(ledger)[MODEL].quantities[VOLUME, "liver"].first == Sums(1, 1000.0, 1e6)
    with ledger.read() as connection:
        assert connection.execute(model_times.select()).one().first is not None


def test_two_processes_never_compare_a_model_with_the_same_job(ledger):
    finish(ledger, {"liver": 1000.0})
    with ledger.write() as connection:
        assert shadows.claim(connection, OTHER, 100) is not None
        assert shadows.claim(connection, OTHER, 100) is None
        assert shadows.claim(connection, MODEL, 100) is None, "the result is its own"


def test_a_model_without_jobs_for_a_month_leaves_the_metrics(ledger):
    finish(ledger, {"liver": 1000.0}, OTHER)
    count(ledger)
    move(ledger, days=40, last=31)
    finish(ledger, {"liver": 1000.0})
    assert set(count(ledger)) == {MODEL}


def sums(values):
    return Sums(len(values), sum(values), sum(value * value for value in values))


def around(mean, deviation, number=100):
    """Values with this mean and this deviation, their number as divisor."""
    return [mean + deviation * sign for sign in (-1.0, 1.0)] * (number // 2)


@pytest.mark.parametrize(
    ("first", "recent", "drift"),
    [
        (around(1500.0, 200.0), around(1500.0, 200.0), 0.0),
        (around(1500.0, 200.0), around(1300.0, 200.0), -1.0),
        (around(1500.0, 100.0), around(1700.0, 500.0), 200.0 / (130000.0**0.5)),
        ([0.0] * 100, [0.0] * 70 + [1.0] * 30, 0.3 / (0.105**0.5)),
    ],
)
def test_drift_is_the_difference_of_the_means_in_standard_deviations(first, recent, drift):
    found = model_statistics.Periods(first=sums(first), recent=sums(recent)).drift
    assert found == pytest.approx(drift, rel=0.01, abs=1e-9)


@pytest.mark.parametrize(
    ("first", "recent"),
    [
        (around(1500.0, 200.0, 48), around(100.0, 200.0)),
        (around(1500.0, 200.0), around(100.0, 200.0, 48)),
        ([1500.0] * 100, [1500.0] * 100),
        ([], []),
    ],
)
def test_too_few_values_or_values_that_are_all_the_same_have_no_drift(first, recent):
    assert model_statistics.Periods(first=sums(first), recent=sums(recent)).drift is None


def test_what_a_transaction_that_rolls_back_recorded_is_not_counted(ledger):
    job = start(ledger)

    def end_and_break():
        with ledger.write() as connection:
            jobs.end(connection, job, "succeeded")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        end_and_break()
    assert count(ledger) == {}


def test_every_outcome_is_counted_once_and_a_round_is_limited(ledger):
    for _ in range(5):
        finish(ledger, {"liver": 1.0})
    with ledger.write() as connection:
        assert model_statistics.add_up(connection, limit=4) == 4
    assert count(ledger)[MODEL].jobs == {"succeeded": 5}
    with ledger.read() as connection:
        assert connection.execute(model_outcomes.select()).all() == []
