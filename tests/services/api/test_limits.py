"""Each tenant has its own share: requests a minute, uploads at once, open jobs; and a job its wait and deadline."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from services.api.app import create_app
from shared.errors import TooMany
from shared.intake.limits import Limits
from shared.ledger import claims, jobs
from shared.ledger.tables import jobs as rows
from shared.ledger.tables import stage_runs, tenants
from tests.services.api.conftest import KEY
from tests.services.api.test_jobs import assert_problem


def test_a_minutes_requests_are_spent_and_come_back_and_others_have_their_own():
    limits = Limits(requests_per_minute=60, uploads_at_once=0)
    for _ in range(60):
        limits.request("a", now=0.0)
    with pytest.raises(TooMany) as error:
        limits.request("a", now=0.5)
    assert (error.value.code, error.value.after) == ("rate_limited", 1.0)
    limits.request("b", now=0.5)
    limits.request("a", now=1.6)
    with pytest.raises(TooMany):
        limits.request("a", now=1.6)


def test_uploads_at_once_are_counted_while_they_last():
    limits = Limits(requests_per_minute=0, uploads_at_once=2)
    with limits.upload("a"), limits.upload("a"):
        with pytest.raises(TooMany, match="uploads"), limits.upload("a"):
            pass
        with limits.upload("b"):
            pass
    with limits.upload("a"):
        pass


def test_an_address_that_sends_wrong_keys_is_slowed_down_and_nobody_else():
    limits = Limits(requests_per_minute=0, uploads_at_once=0)
    limits.note_credential("a", "right", valid=True, now=0.0)
    for _ in range(100):
        limits.check_credential("a", "wrong", now=0.0)
        limits.note_credential("a", "wrong", valid=False, now=0.0)
    with pytest.raises(TooMany, match="wrong keys"):
        limits.check_credential("a", "another", now=0.5)
    limits.check_credential("a", "right", now=0.5)
    limits.check_credential("b", "another", now=0.5)
    limits.check_credential("a", "another", now=1.5)
    limits.note_credential("a", "right", valid=False, now=1.5)
    with pytest.raises(TooMany):
        limits.check_credential("a", "right", now=1.5)


def test_wrong_keys_are_answered_429_after_a_while_and_right_ones_still_work(app):
    right = {"Authorization": f"Bearer {KEY}"}
    with TestClient(app) as client:
        assert client.get("/v1/jobs", headers=right).status_code == 200
        told = [client.get("/v1/jobs", headers={"Authorization": f"Bearer x{n}"}).status_code for n in range(140)]
        assert told[:100] == [401] * 100
        assert told[-1] == 429
        assert client.get("/v1/jobs", headers=right).status_code == 200
        assert client.get("/web.json", headers={"Cookie": "viscera_session=x"}).json()["signed_in"] is False


def test_over_the_wire_the_answer_says_when_to_come_back(settings, app):
    given = settings.model_copy(update={"requests_per_minute": 2})
    with TestClient(create_app(given), headers={"Authorization": f"Bearer {KEY}"}) as client:
        assert [client.get("/v1/jobs").status_code for _ in range(2)] == [200, 200]
        answer = client.get("/v1/jobs")
        assert_problem(answer, 429, "rate_limited")
        assert int(answer.headers["retry-after"]) >= 1
        client.headers["Authorization"] = "Bearer vsk_other"
        assert client.get("/v1/jobs").status_code == 200


def test_a_tenants_open_jobs_are_bounded_and_its_own_bound_goes_first(settings, app, ledger, scan):
    given = settings.model_copy(update={"open_jobs": 1})
    with TestClient(create_app(given), headers={"Authorization": f"Bearer {KEY}"}) as client:
        first = client.post("/v1/jobs", content=scan).json()["id"]
        assert_problem(client.post("/v1/jobs", content=scan), 429, "quota_jobs")
        client.post(f"/v1/jobs/{first}/cancel")
        assert client.post("/v1/jobs", content=scan).status_code == 202
        with ledger.write() as connection:
            connection.execute(update(tenants).where(tenants.c.id == "default").values(limits={"open_jobs": 2}))
        assert client.post("/v1/jobs", content=scan).status_code == 202
        assert_problem(client.post("/v1/jobs", content=scan), 429, "quota_jobs")


def test_the_wait_is_estimated_from_the_latest_jobs(client, app, scan, ledger):
    first, second, third = (client.post("/v1/jobs", content=scan).json() for _ in range(3))
    assert third["wait_seconds"] is None
    for stage in jobs.STAGES:
        with ledger.write() as connection:
            claim = claims.claim(connection, first["id"], stage, "w")
        with ledger.write() as connection:
            claims.complete(connection, claim, [])
    with ledger.write() as connection:
        done = stage_runs.c.state == "done"
        connection.execute(update(stage_runs).where(done).values(started=stage_runs.c.ended - 1.0))
        slow = done & (stage_runs.c.stage == "segmenter")
        connection.execute(update(stage_runs).where(slow).values(started=stage_runs.c.ended - 30.0))
    app.state.gateway.estimate._until = 0.0
    waits = [client.get(f"/v1/jobs/{job['id']}").json()["wait_seconds"] for job in (second, third)]
    assert waits == [0, 30]
    assert client.get(f"/v1/jobs/{first['id']}").json()["wait_seconds"] is None


def test_a_job_may_be_given_less_time_but_never_more(client, scan, settings):
    def seconds(job: dict) -> float:
        from datetime import datetime

        return (datetime.fromisoformat(job["deadline"]) - datetime.fromisoformat(job["created"])).total_seconds()

    assert seconds(client.post("/v1/jobs?deadline=60", content=scan).json()) == pytest.approx(60, abs=1)
    assert seconds(client.post("/v1/jobs?deadline=600000", content=scan).json()) == pytest.approx(3600, abs=1)
    assert_problem(client.post("/v1/jobs?deadline=0", content=scan), 422, "invalid_request")


def test_jobs_are_listed_by_their_time(client, scan, ledger):
    old, new = (client.post("/v1/jobs", content=scan).json()["id"] for _ in range(2))
    with ledger.write() as connection:
        connection.execute(update(rows).where(rows.c.id == old).values(created=1_700_000_000.0))

    def found(**asked) -> list[str]:
        return [job["id"] for job in client.get("/v1/jobs", params=asked).json()["items"]]

    assert found(created_before="2023-12-01T00:00:00Z") == [old]
    assert found(created_after="2023-12-01T00:00:00Z") == [new]
    assert found(created_after="2023-11-01", created_before="2023-12-01") == [old]
    assert_problem(client.get("/v1/jobs?created_after=0"), 422, "invalid_request")
