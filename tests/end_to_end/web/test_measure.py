"""Measurements stay with the job: drawn by mouse or keyboard, named, found again, exported, and shown to guests."""

import json
import re

import highdicom
import numpy as np
import pytest
from playwright.sync_api import expect

from tests.end_to_end.web.steps import eventually, mark_rows, scene, shot, show, violations, wait_shown


@pytest.fixture(scope="module")
def page(kept, served, dicom_result):
    """One page with a small result of a DICOM series open."""
    opened = kept()
    show(opened, served.url, dicom_result)
    return opened


@pytest.fixture
def kept_on_server(served, dicom_result):
    """What the service has, asked at every call; nothing of it is left after the test."""
    path = f"/v1/jobs/{dicom_result}/measurements"
    with served.client() as client:
        yield lambda: client.get(path).json()["items"]
        for one in client.get(path).json()["items"]:
            assert client.delete(f"{path}/{one['id']}").status_code == 204


def spots(page, *parts):
    area = page.locator("[data-tile=axial]").bounding_box()
    return [(area["x"] + right * area["width"], area["y"] + down * area["height"]) for right, down in parts]


def places(page, points):
    """Where in the patient points of the page are."""
    found = []
    for x, y in points:
        page.mouse.click(x, y)
        found.append(np.array(scene(page)["place"]))
    return found


def test_an_angle_is_drawn_kept_named_and_found_again(page, served, dicom_result, kept_on_server, axe):
    canvas = page.get_by_label("Slices with outlines")
    points = spots(page, (0.3, 0.35), (0.5, 0.5), (0.7, 0.4))
    a, vertex, b = places(page, points)
    cosine = (a - vertex) @ (b - vertex) / np.linalg.norm(a - vertex) / np.linalg.norm(b - vertex)
    page.keyboard.press("n")
    for x, y in points:  # without a drag: each click sets a point
        page.mouse.click(x, y)
    expect(mark_rows(page)).to_have_count(1)
    shown = float(mark_rows(page).locator(".name").inner_text().removesuffix("°"))
    assert shown == pytest.approx(np.degrees(np.arccos(cosine)), abs=1.5)
    expect(page.get_by_role("status").first).to_have_text(f"Measured: {shown:.1f}°")
    assert eventually(page, lambda: len(kept_on_server()) == 1)
    assert kept_on_server()[0]["value"] == pytest.approx(shown, abs=0.06), "the service computes the same"
    page.keyboard.press("Escape")
    page.get_by_role("button", name=f"Change the name of {shown:.1f}°").click()
    page.get_by_label("Name of the measurement").fill("fissure & lobe")
    page.keyboard.press("Enter")
    assert eventually(page, lambda: [one["label"] for one in kept_on_server()] == ["fissure & lobe"])
    assert violations(page, axe) == []
    shot(page, "measurement-named")
    seen = scene(page)["place"]
    page.goto(f"{served.url}/#/archive")
    show(page, served.url, dicom_result)
    expect(mark_rows(page).get_by_text("fissure & lobe")).to_be_visible()
    for _ in range(4):
        page.keyboard.press("ArrowUp")
    assert page.locator(".measure").count() == 0
    mark_rows(page).locator("button.organ").click()
    assert scene(page)["place"][2] == pytest.approx(seen[2], abs=0.1), "a click on the row goes to its slice"
    assert page.locator(".measure").count() == 1
    canvas.focus()
    page.keyboard.press("Delete")
    expect(mark_rows(page)).to_have_count(1)  # what was there before is not deleted by a key
    page.get_by_role("button", name=re.compile("^Delete .*°")).click()
    expect(mark_rows(page)).to_have_count(0)
    assert eventually(page, lambda: kept_on_server() == [])


def test_keys_draw_an_angle(page, kept_on_server):
    page.get_by_label("Slices with outlines").focus()
    page.keyboard.press("n")
    page.keyboard.press("Enter")
    for key in ["ArrowRight"] * 10 + ["Enter"] + ["ArrowDown"] * 10 + ["Enter"]:
        page.keyboard.press(key)
    assert eventually(page, lambda: [round(one["value"]) for one in kept_on_server()] == [90])
    page.keyboard.press("Delete")
    expect(mark_rows(page)).to_have_count(0)
    assert eventually(page, lambda: kept_on_server() == [])
    page.keyboard.press("Escape")


def test_what_the_server_does_not_take_is_said_and_sent_again(page, kept, kept_on_server):
    page.route("**/measurements/*", lambda route: route.abort())
    page.keyboard.press("v")
    page.mouse.click(*spots(page, (0.5, 0.5))[0])
    page.keyboard.press("Escape")
    expect(page.get_by_text("Measurements are not saved yet. Trying again.")).to_be_visible()
    assert kept_on_server() == []
    page.unroute_all()
    expect(page.get_by_text("Measurements are not saved yet. Trying again.")).to_be_hidden()
    assert len(kept_on_server()) == 1
    kept.complaints.clear()  # the browser notes the requests that were stopped
    page.keyboard.press("Delete")
    assert eventually(page, lambda: kept_on_server() == [])


def test_all_are_exported_as_json_and_as_a_report(page, kept_on_server, tmp_path):
    first, second = spots(page, (0.4, 0.45), (0.6, 0.6))
    page.keyboard.press("v")
    page.mouse.click(*first)
    page.keyboard.press("r")
    page.mouse.move(*first)
    page.mouse.down()
    page.mouse.move(*second)
    page.mouse.up()
    page.keyboard.press("Escape")
    assert eventually(page, lambda: len(kept_on_server()) == 2)
    shown = map(float, re.findall(r"-?[\d.]+", mark_rows(page).locator(".name").last.inner_text())[:3])
    area = kept_on_server()[1]
    computed = (area["statistics"]["mean"], area["statistics"]["deviation"], area["value"])
    assert list(shown) == pytest.approx(computed, rel=0.01), "the service computes the same"
    for title, name in (("JSON", "measurements.json"), ("DICOM SR", "measurements.dcm")):
        page.get_by_role("button", name="Export", exact=True).click()
        with page.expect_download() as waiting:
            page.get_by_role("button", name=f"Measurements as {title}").click()
        waiting.value.save_as(tmp_path / name)
    exported = json.loads((tmp_path / "measurements.json").read_text())["items"]
    assert exported == kept_on_server()
    report = highdicom.sr.srread(tmp_path / "measurements.dcm")
    assert len(report.content.get_image_measurement_groups()) == 1
    assert len(report.content.get_planar_roi_measurement_groups()) == 1


def test_a_guest_sees_but_changes_none(opened, served, dicom_result, kept_on_server):
    body = {"kind": "length", "plane": "axial", "points": [[0, 0, 0], [0, 30, 0]], "label": "for the guest"}
    with served.client() as client:
        assert client.put(f"/v1/jobs/{dicom_result}/measurements/line-0001", json=body).status_code == 200
        token = client.post(f"/v1/jobs/{dicom_result}/share", json={"seconds": 600}).json()["token"]
    guest = opened()
    guest.goto(f"{served.url}/#/shared/{token}")
    wait_shown(guest)
    expect(mark_rows(guest).get_by_text("for the guest")).to_be_visible()
    assert guest.get_by_role("button", name=re.compile("Change the name|^Delete|^Compare")).count() == 0
    guest.keyboard.press("v")
    guest.mouse.click(*spots(guest, (0.5, 0.5))[0])
    expect(guest.get_by_text("What you measure here is not saved.")).to_be_visible()
    assert len(kept_on_server()) == 1
