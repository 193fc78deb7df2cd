"""A series closes once whoever closes it, and what it holds is found; on both databases."""

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import update

from shared.artifacts import DICOM_FILES
from shared.ledger import files, jobs, models
from shared.ledger.dicom import instances, search
from shared.ledger.dicom import series as ledger_series
from shared.ledger.dicom.instances import About, Instance
from shared.ledger.dicom.search import SearchConditions
from shared.ledger.dicom.tables import series, series_jobs
from shared.ledger.tables import file_runs
from shared.pacs import series as work
from shared.settings import Settings
from tests.support import contracts

MR = "1.2.840.10008.5.1.4.1.1.4"
NOW = Settings(series_quiet_seconds=0.0)


def about(name="MUELLER^A", modality="MR", attributes=None):
    return About({}, attributes or {}, modality, "P1", name, "A1", "20240102")


def add(ledger, uid, series_uid="1.1.1", number=1, tenant="t", **given):
    made = Instance(f"inst_{tenant}{uid}", "1.1", series_uid, uid, MR, "1.2", "0" * 64, 9, 0, 8, number, 4, 4, 1)
    with ledger.write() as connection:
        jobs.ensure_tenant(connection, tenant)
        return instances.add(connection, tenant, made, about(**given))


def test_eight_at_once_close_a_series_once(ledger, tmp_path):
    store = contracts.local_store(tmp_path)
    for number in range(4):
        add(ledger, f"1.2.{number}", number=number)
    with ThreadPoolExecutor(8) as pool:
        started = [job for made in pool.map(lambda _: work.close_quiet(ledger, store, NOW), range(8)) for job in made]
    assert len(started) == 1
    with ledger.read() as connection:
        (one,) = ledger_series.list_series(connection, "t")
        assert (one.state, one.attempt, one.instances) == ("closed", 1, 4)
        assert len(jobs.page(connection, "t")) == 1
    assert len(list(store.keys("scans/"))) == 1, "nobody leaves a second manifest behind"


def test_the_same_instance_is_kept_once_and_opens_nothing_again(ledger, tmp_path):
    store = contracts.local_store(tmp_path)
    assert add(ledger, "1.2.1")
    assert add(ledger, "1.2.2", number=2)
    work.close_quiet(ledger, store, NOW)
    assert not add(ledger, "1.2.1")
    assert work.close_quiet(ledger, store, NOW) == []
    assert add(ledger, "1.2.3", number=3)
    assert len(work.close_quiet(ledger, store, NOW)) == 1, "a late instance starts a new attempt"


def test_what_comes_while_a_series_is_being_closed_keeps_it_open(ledger):
    add(ledger, "1.2.1")
    with ledger.read() as connection:
        (seen,) = ledger_series.list_series(connection, "t")
    with ledger.write() as connection:
        connection.execute(update(series).values(touched=series.c.touched + 1.0))
        assert not ledger_series.set_aside(connection, seen, "localizer")


def test_two_tenants_may_hold_the_same_instance(ledger):
    assert add(ledger, "1.2.1")
    assert add(ledger, "1.2.1", tenant="u")
    with ledger.read() as connection:
        assert len(list(search.find_studies(connection, "t", SearchConditions()))) == 1
        assert [one.id for one in search.retrieve(connection, "u", "1.1")] == ["inst_u1.2.1"]


def test_searches_match_by_wildcard_range_and_list(ledger):
    add(ledger, "1.2.1")
    with ledger.read() as connection:

        def found(**wanted):
            return [row["uid"] for row in search.find_studies(connection, "t", SearchConditions(**wanted))]

        assert found(patient_name="mue*") == found(patient_id="P?") == found(study_date="20240101-") == ["1.1"]
        assert found(study_date="-20240102") == found(study_date="20240102") == found(modalities=("MR",)) == ["1.1"]
        assert found(patient_name="%") == found(study_date="20240103-") == found(modalities=("CT",)) == []
        assert found(studies=("1.1", "9")) == ["1.1"]


def test_a_study_goes_with_its_last_instance(ledger):
    add(ledger, "1.2.1")
    add(ledger, "1.3.1", series_uid="1.1.2")
    with ledger.write() as connection:
        instances.erase(connection, ["inst_t1.2.1"])
        assert len(ledger_series.list_series(connection, "t")) == 1
        instances.erase(connection, ["inst_t1.3.1"])
        assert list(search.find_studies(connection, "t", SearchConditions())) == []


def test_a_job_that_an_older_reconciler_called_published_before_its_files_is_published_again(ledger, tmp_path):
    store = contracts.local_store(tmp_path)
    for number in range(4):
        add(ledger, f"1.2.{number}", number=number)
    (job,) = work.close_quiet(ledger, store, NOW)
    name = DICOM_FILES[0]
    with ledger.write() as connection:
        connection.execute(update(series_jobs).values(published=1))
        assert ledger_series.publish_again(connection, DICOM_FILES) == 0, "no file was requested: there is no organ"
        files.request(connection, None, job, name)
        assert ledger_series.publish_again(connection, DICOM_FILES) == 1
        assert ledger_series.publish_again(connection, DICOM_FILES) == 0, "it is due already"
        connection.execute(update(series_jobs).values(published=1))
        connection.execute(update(file_runs).values(state="failed"))
        assert ledger_series.publish_again(connection, DICOM_FILES) == 0, "there is no file to wait for"
        connection.execute(update(file_runs).values(state="done"))
        result = Instance("inst_r", "1.1", "1.1.9", "1.2.9", MR, "1.2", "0" * 64, 9, 0, 8, 1, 4, 4, 1)
        instances.add(connection, "t", result, about(), result_of=job)
        assert ledger_series.publish_again(connection, DICOM_FILES) == 0, "its results are in the study"


def test_a_rule_chooses_the_model_of_a_series_and_a_missing_model_keeps_it_waiting(ledger, tmp_path):
    store, path = contracts.local_store(tmp_path), tmp_path / "rules.toml"
    path.write_text('[[rule]]\nbody_part = "ABD*"\nmodel = "liver"\n')
    settings = NOW.model_copy(update={"model_rules": path})
    abdomen = {"00180015": {"vr": "CS", "Value": ["ABDOMEN"]}}
    for number in range(3):
        add(ledger, f"1.2.{number}", number=number, attributes=abdomen)
        add(ledger, f"1.3.{number}", "1.1.2", number=number)
    assert len(work.close_quiet(ledger, store, settings)) == 1, "the series without a rule"
    with ledger.write() as connection:
        models.report(connection, [models.KnownModel("1" * 64, "liver", "1", True)])
    (started,) = work.close_quiet(ledger, store, settings)
    with ledger.read() as connection:
        assert sorted(str(job.model) for job in jobs.page(connection, "t")) == ["1" * 64, "None"]
        assert jobs.get(connection, None, started).options["model"] == "liver"
    assert len(list(store.keys("scans/"))) == 2
