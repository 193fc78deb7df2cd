"""Bytes that uploads have announced count as taken, and a tenant begins only so many uploads in parts."""

import json
import shutil
import socket

import pytest
from fastapi.testclient import TestClient

from services.api.app import create_app
from services.api.routes import uploads as route
from shared.intake import room
from tests.services.api.conftest import KEY
from tests.services.api.test_jobs import assert_problem
from tests.services.api.test_uploads import begin, pieces
from tests.support.multipart import content_type
from tests.support.waiting import until


@pytest.fixture
def settings(settings):
    return settings.model_copy(update={"free_bytes": 0, "max_upload_bytes": 2**50})


@pytest.fixture
def small_parts(monkeypatch, scan):
    monkeypatch.setattr(route, "PART", len(scan) // 3 + 1)


@pytest.fixture
def most(settings):
    """A bit more than half of the free disk: one such body has room, two have not."""
    settings.spool.mkdir(exist_ok=True)
    return int(shutil.disk_usage(settings.spool).free * 0.6)


def announce(client, size):
    return client.post("/v1/scans?upload=direct", json={"bytes": size})


def with_length(client, path, size, **headers):
    return client.post(path, content=b"x", headers={"Content-Length": str(size), **headers})


def test_begun_uploads_count_until_they_are_abandoned(client, stranger, scan, most):
    made = announce(client, most)
    assert made.status_code == 201
    for refused in (
        announce(stranger, most), with_length(stranger, "/v1/jobs", most), with_length(client, "/v1/scans", most),
        with_length(client, "/dicom-web/studies", most, **{"Content-Type": content_type()}),
    ):  # fmt: skip
        assert_problem(refused, 503, "disk_full")
    assert client.post("/v1/scans", content=scan).status_code == 201
    assert client.delete(f"/v1/uploads/{made.json()['upload']}").status_code == 204
    assert announce(stranger, most).status_code == 201


def test_what_has_arrived_of_a_begun_upload_counts_once(app, client, scan, small_parts):
    made = begin(client, scan).json()
    assert app.state.gateway.room._begun() == len(scan)
    data = pieces(scan, made)
    client.put(made["parts"][0]["url"], content=data[1])
    assert app.state.gateway.room._begun() == len(scan) - len(data[1])
    for number, piece in data.items():
        client.put(made["parts"][number - 1]["url"], content=piece)
    assert client.post(f"/v1/uploads/{made['upload']}/complete").status_code == 201
    assert app.state.gateway.room._begun() == 0


def test_a_body_on_its_way_counts_until_it_ends(app, live, most):
    host = ("127.0.0.1", live.base_url.port)
    head = f"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Length: {most}\r\n\r\n"
    arrivals = app.state.gateway.room._arrivals
    with socket.create_connection(host) as line:
        line.sendall(head.encode() + b"x" * 2_000_000)
        until(lambda: [arrival.missing < most for arrival in arrivals] == [True])
        assert_problem(announce(live, most), 503, "disk_full")
    until(lambda: not arrivals)
    assert announce(live, most).status_code == 201


def test_a_body_without_length_is_ended_when_the_disk_is_full(app, client, monkeypatch):
    monkeypatch.setattr(room, "CHECK_EVERY", 1 << 20)
    gateway = app.state.gateway

    def body():
        for number in range(8):
            if number == 3:
                gateway.settings.free_bytes = 2**62
            yield b"x" * (1 << 20)

    assert_problem(client.post("/v1/scans", content=body()), 503, "disk_full")


def test_parts_are_not_joined_without_room_for_the_whole(app, client, scan, small_parts, monkeypatch):
    made = begin(client, scan).json()
    for number, piece in pieces(scan, made).items():
        assert client.put(made["parts"][number - 1]["url"], content=piece).status_code == 204
    monkeypatch.setattr(app.state.gateway.settings, "free_bytes", 2**62)
    assert_problem(client.post(f"/v1/uploads/{made['upload']}/complete"), 503, "disk_full")
    monkeypatch.setattr(app.state.gateway.settings, "free_bytes", 0)
    assert client.post(f"/v1/uploads/{made['upload']}/complete").status_code == 201


def test_unfinished_uploads_of_a_tenant_are_bounded(settings, app, scan):
    given = settings.model_copy(update={"unfinished_uploads": 2})
    with TestClient(create_app(given), headers={"Authorization": f"Bearer {KEY}"}) as client:
        first = begin(client, scan).json()
        assert begin(client, scan).status_code == 201
        assert_problem(begin(client, scan), 429, "too_many_uploads")
        other = {"Authorization": "Bearer vsk_other", "Content-Type": "application/json"}
        answer = client.post("/v1/scans?upload=direct", content=json.dumps({"bytes": 1}), headers=other)
        assert answer.status_code == 201
        assert client.delete(f"/v1/uploads/{first['upload']}").status_code == 204
        assert begin(client, scan).status_code == 201
