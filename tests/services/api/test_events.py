"""Server-sent events: the history, then every change, until the end; resumed where the client left off."""

import json
import threading

import pytest

from shared.ledger import claims, jobs
from tests.services.api.test_jobs import assert_problem
from tests.support.waiting import until


def parse(text: str) -> list[dict]:
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and line[0] != ":")
        if "event" in fields:
            found.append({"id": int(fields.get("id", 0)), "event": fields["event"], "data": json.loads(fields["data"])})
    return found


@pytest.fixture
def job_id(client, scan):
    return client.post("/v1/jobs", content=scan).json()["id"]


def follow_into(seen, live, path) -> None:
    """Add each event of the stream to `seen` as it arrives."""
    block = ""
    with live.stream("GET", path, timeout=90.0) as answer:
        for line in answer.iter_lines():
            block += f"{line}\n"
            if not line:
                seen += parse(block)
                block = ""


def follow(live, job_id, **headers) -> list[dict]:
    answer = live.get(f"/v1/jobs/{job_id}/events", headers=headers)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    return parse(answer.text)


def views(seen) -> list[dict]:
    return [event["data"] for event in seen if event["event"] == "job"]


def test_changes_arrive_until_the_job_has_ended(live, job_id, ledger):
    seen: list[dict] = []
    listener = threading.Thread(target=follow_into, args=(seen, live, f"/v1/jobs/{job_id}/events"))
    listener.start()
    for number, stage in enumerate(jobs.STAGES):
        with ledger.write() as connection:
            claim = claims.claim(connection, job_id, stage, "w")
        with ledger.write() as connection:
            claims.renew(connection, claim, 0.5)
        until(lambda number=number: 0.5 in [view["stages"][number]["progress"] for view in views(seen)])
        with ledger.write() as connection:
            claims.complete(connection, claim, [])
    listener.join(90)
    assert not listener.is_alive()
    logged = [event["data"]["kind"] for event in seen if event["event"] == "log"]
    assert logged == ["queued", *["stage_started", "stage_done"] * 3, "succeeded"]
    assert views(seen)[-1]["state"] == "succeeded"
    assert [view["progress"] for view in views(seen)] == sorted(view["progress"] for view in views(seen))
    assert [event["id"] for event in seen] == sorted(event["id"] for event in seen)


def test_a_client_that_comes_back_gets_what_it_missed_and_no_more(live, client, job_id):
    client.post(f"/v1/jobs/{job_id}/cancel")
    everything = follow(live, job_id)
    first = everything[0]["id"]
    missed = follow(live, job_id, **{"Last-Event-ID": str(first)})
    assert [event["data"].get("kind", event["data"].get("state")) for event in missed] == ["cancelled", "cancelled"]
    last = everything[-1]["id"]
    assert live.get(f"/v1/jobs/{job_id}/events", headers={"Last-Event-ID": str(last)}).status_code == 204


def test_an_erased_job_ends_the_stream(live, client, job_id):
    seen: list[dict] = []
    listener = threading.Thread(target=follow_into, args=(seen, live, f"/v1/jobs/{job_id}/events"))
    listener.start()
    until(lambda: views(seen))
    client.delete(f"/v1/jobs/{job_id}")
    listener.join(90)
    assert not listener.is_alive()
    assert seen[-1]["event"] == "gone"


def test_foreign_jobs_and_damaged_ids_are_refused(client, stranger, job_id):
    assert_problem(stranger.get(f"/v1/jobs/{job_id}/events"), 404, "not_found")
    answer = client.get(f"/v1/jobs/{job_id}/events", headers={"Last-Event-ID": "x"})
    assert_problem(answer, 422, "invalid_request")
