"""Metrics: the gateway's own work and the ledger's state, without names of anybody."""

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import update

from shared.ledger import claims, model_statistics, models, shadows, workers
from shared.ledger.engine import now
from shared.ledger.jobs import end
from shared.ledger.model_tables import model_outcomes, model_times
from tests.services.api.test_jobs import assert_problem


def scrape(client) -> dict[tuple, float]:
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_jobs_queues_workers_and_uploads_are_counted(client, scan, ledger):
    jobs = [client.post("/v1/jobs", content=scan).json()["id"] for _ in range(3)]
    client.post("/v1/jobs", content=b"no scan")
    client.post(f"/v1/jobs/{jobs[0]}/cancel")
    with ledger.write() as connection:
        claims.claim(connection, jobs[1], "classifier", "w", lease=-1.0)
        workers.seen(connection, workers.Worker("w", "classifier", {"provider": "cpu", "card": {}}))
    seen = scrape(client)
    assert seen["viscera_ledger_up",] == 1
    assert seen["viscera_jobs", "queued"] == seen["viscera_jobs", "running"] == seen["viscera_jobs", "cancelled"] == 1
    assert (seen["viscera_stage_waiting", "classifier"], seen["viscera_stage_waiting", "mesher"]) == (1, 0)
    assert (seen["viscera_stage_running", "classifier"], seen["viscera_leases_overdue", "classifier"]) == (1, 1)
    assert 0 <= seen["viscera_stage_oldest_seconds", "classifier"] < 60
    assert seen["viscera_workers", "classifier", "cpu"] == 1
    assert sum(value for (name, *_), value in seen.items() if name == "viscera_models") == 1
    assert seen["viscera_uploads_total", "received"] == 4
    assert seen["viscera_upload_bytes_total",] == 3 * len(scan) + len(b"no scan")
    assert seen["viscera_uploads_open",] == 0
    assert seen["viscera_requests_total", "/v1/jobs", "202", "POST"] == 3
    assert seen["viscera_requests_total", "/v1/jobs", "422", "POST"] == 1
    assert seen["process_resident_memory_bytes",] > 1e6


def test_models_are_counted_by_name_and_version(client, scan, ledger):
    key = "1" * 64
    job = client.post("/v1/jobs", content=scan).json()["id"]
    with ledger.write() as connection:
        models.report(connection, [models.KnownModel(key, "liver", "2", True)])
        claims.change_job(connection, claims.claim(connection, job, "classifier", "w"), used_model=key)
        model_statistics.add_result(connection, job, model_statistics.Result({"spleen": 200.0}, True))
        end(connection, job, "succeeded")
        model_statistics.add_up(connection)
    seen = scrape(client)
    whose = ("1" * 12, "2", "liver")
    assert seen["viscera_model_jobs_total", *whose, "succeeded"] == 1
    assert seen["viscera_model_results_total", *whose] == seen["viscera_model_out_of_domain_total", *whose] == 1
    assert seen["viscera_model_volume_ml_count", *whose, "spleen"] == 1
    assert seen["viscera_model_volume_ml_sum", *whose, "spleen"] == 200.0
    assert seen["viscera_model_volume_ml_squares_total", *whose, "spleen"] == 40000.0
    assert job not in client.get("/metrics").text


def test_a_model_that_is_compared_with_results_has_its_mean_dice_and_difference(client, ledger):
    key = "1" * 64
    with ledger.write() as connection:
        shadows.introduce(connection, models.KnownModel(key, "liver", "3", offered=False))
        shadows.record(connection, key, {"spleen": 0.9}, {"spleen": -10.0})
        shadows.record(connection, key, {"spleen": 0.7}, {"spleen": 30.0})
        model_statistics.add_up(connection)
        with pytest.raises(models.UnknownModel):
            models.find(connection, "liver")
    seen, whose = scrape(client), ("1" * 12, "3", "liver", "spleen")
    assert seen["viscera_model_shadow_dice", *whose] == pytest.approx(0.8)
    assert seen["viscera_model_shadow_difference_ml", *whose] == pytest.approx(10.0)
    assert seen["viscera_model_shadow_scans_total", *whose] == 2


def test_a_model_whose_volumes_moved_since_its_first_week_has_a_drift(client, ledger):
    key, week = "1" * 64, model_statistics.WEEK * model_statistics.DAY
    with ledger.write() as connection:
        models.report(connection, [models.KnownModel(key, "liver", "2", True)])
        for moved in (0.0, 40.0):
            for number in range(model_statistics.LEAST):
                volume = 200.0 + moved + 20.0 * (-1) ** number
                result = {"volumes": {"spleen": volume}, "out_of_domain": moved > 0.0 and number % 2 == 0}
                connection.execute(model_outcomes.insert().values(model=key, at=now(), result=result))
            model_statistics.add_up(connection)
            connection.execute(update(model_times).values(first=model_times.c.first - week))
    seen = scrape(client)
    assert seen["viscera_model_volume_drift", "1" * 12, "2", "liver", "spleen"] == pytest.approx(2.0, rel=0.02)
    assert seen["viscera_model_out_of_domain_drift", "1" * 12, "2", "liver"] == pytest.approx(1.4, rel=0.02)


def test_routes_are_counted_by_their_pattern_never_by_what_was_asked(client):
    client.get("/v1/jobs/job_secretname")
    client.get("/nothing/secretname")
    assert "secretname" not in client.get("/metrics").text


def test_a_ledger_that_is_away_is_a_number_not_an_error(client):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shared.ledger.status.gather", lambda _: 1 / 0)
        assert scrape(client)["viscera_ledger_up",] == 0


def test_metrics_need_a_key_with_the_scope(app, client):
    with TestClient(app) as nobody:
        assert_problem(nobody.get("/metrics"), 401, "unauthorized")
    made = client.post("/v1/keys", json={"scopes": ["jobs:read"]}).json()["key"]
    with TestClient(app, headers={"Authorization": f"Bearer {made}"}) as reader:
        assert_problem(reader.get("/metrics"), 403, "insufficient_scope")
