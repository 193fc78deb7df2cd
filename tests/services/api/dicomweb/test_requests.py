"""A workitem whose Scheduled Workitem Code is of this service gets a job on its series, by the model that it names."""

import io

import pydicom
import pytest

from shared.ledger import jobs, models
from shared.ledger.dicom import workitems
from tests.services.api.dicomweb.test_ups import HERE, STATE, WORKITEM, shown

LIVER = "1" * 64


@pytest.fixture(autouse=True)
def known(ledger):
    with ledger.write() as connection:
        models.report(connection, [models.KnownModel(LIVER, "liver", "1", True)])


@pytest.fixture
def series(files):
    return pydicom.dcmread(io.BytesIO(files[0])).SeriesInstanceUID


def step(series, model="liver", tag="00080100", scheme="99VISCERA"):
    code = {tag: {"vr": "SH", "Value": [model]}, "00080102": {"vr": "SH", "Value": [scheme]}}
    reference = {"0020000E": {"vr": "UI", "Value": [series]}}
    return WORKITEM | {"00404018": {"vr": "SQ", "Value": [code]}, "00404021": {"vr": "SQ", "Value": [reference]}}


def ask(client, uid, *args, **kwargs):
    return client.post(f"{HERE}?{uid}", json=step(*args, **kwargs))


def closed(client, series):
    return client.post(f"/v1/dicom/series/{series}/close").json()["attempts"]


def model_of(ledger, job):
    with ledger.read() as connection:
        return jobs.get(connection, None, job).model


@pytest.mark.parametrize("tag", ["00080100", "00080119"])
def test_the_job_of_a_series_that_comes_later_has_the_model_of_the_workitem(client, ledger, store, files, series, tag):
    assert ask(client, "1.2.840.7", series, tag=tag).status_code == 201
    assert shown(client, "1.2.840.7")[STATE]["Value"] == ["SCHEDULED"]
    store(files)
    (attempt,) = closed(client, series)
    assert model_of(ledger, attempt["job"]) == LIVER
    content = shown(client, "1.2.840.7")
    assert content["00404021"]["Value"][0]["0020000E"]["Value"] == [series]
    assert content["00404018"]["Value"][0][tag]["Value"] == ["liver"]
    assert content["00741204"]["Value"] == ["Read this"]
    assert client.get(f"{HERE}/{workitems.job_uid(attempt['job'])}").status_code == 404, "one workitem for one job"
    assert client.post(f"{HERE}/1.2.840.7/cancelrequest").status_code == 202
    assert client.get(f"/v1/jobs/{attempt['job']}").json()["state"] == "cancelled"
    assert shown(client, "1.2.840.7")[STATE]["Value"] == ["CANCELED"]


def test_a_series_that_has_a_job_gets_another_one_on_the_same_scan(client, ledger, store, files, series):
    store(files)
    (first,) = closed(client, series)
    assert ask(client, "1.2.840.7", series).status_code == 201
    assert ask(client, "1.2.840.8", series, "VISCERA").status_code == 201
    tried = client.get("/v1/dicom/series", params={"series": series}).json()["items"][0]["attempts"]
    assert [attempt["attempt"] for attempt in tried] == [1, 2, 3]
    assert [model_of(ledger, attempt["job"]) for attempt in tried] == [None, LIVER, None]
    with ledger.read() as connection:
        scans = {jobs.get(connection, None, attempt["job"]).scan_id for attempt in tried}
    assert len(scans) == 1
    assert tried[0]["job"] == first["job"]
    assert shown(client, "1.2.840.8")[STATE]["Value"] == ["SCHEDULED"]


def test_two_workitems_that_wait_for_one_series_get_a_job_each(client, ledger, store, files, series):
    ask(client, "1.2.840.7", series)
    ask(client, "1.2.840.8", series, "VISCERA")
    store(files)
    tried = closed(client, series)
    assert [model_of(ledger, attempt["job"]) for attempt in tried] == [LIVER, None]


def test_a_workitem_for_another_performer_starts_nothing(client, ledger, store, files, series):
    ask(client, "1.2.840.7", series, scheme="DCM")
    store(files)
    (attempt,) = closed(client, series)
    assert model_of(ledger, attempt["job"]) is None
    assert shown(client, "1.2.840.7")[STATE]["Value"] == ["SCHEDULED"]
    assert client.get(f"{HERE}/{workitems.job_uid(attempt['job'])}").status_code == 200


def test_another_tenants_workitem_does_not_reach_the_series(client, stranger, ledger, store, files, series):
    ask(stranger, "1.2.840.7", series)
    store(files)
    (attempt,) = closed(client, series)
    assert model_of(ledger, attempt["job"]) is None
    assert shown(stranger, "1.2.840.7")[STATE]["Value"] == ["SCHEDULED"]


def test_what_can_not_be_done_is_refused_or_cancelled(client, ledger, store, files, series):
    assert ask(client, "1.2.840.7", series, "spleen").json()["code"] == "unknown_model"
    assert ask(client, "1.2.840.7", "").json()["code"] == "bad_workitem"
    assert client.get(f"{HERE}/1.2.840.7").status_code == 404
    ask(client, "1.2.840.7", series)
    with ledger.write() as connection:
        models.report(connection, [models.KnownModel(LIVER, "liver", "1", False)])
    store(files)
    (attempt,) = closed(client, series)
    assert model_of(ledger, attempt["job"]) is None
    assert shown(client, "1.2.840.7")[STATE]["Value"] == ["CANCELED"]


def test_a_series_on_which_no_job_can_run_cancels_what_waits_for_it(client, store, files, series):
    ask(client, "1.2.840.7", series)
    store(files[:1])
    assert client.post(f"/v1/dicom/series/{series}/close").json()["state"] == "unsuited"
    assert shown(client, "1.2.840.7")[STATE]["Value"] == ["CANCELED"]
    assert ask(client, "1.2.840.8", series).json()["code"] == "series_not_open"
    assert client.get(f"{HERE}/1.2.840.8").status_code == 404
