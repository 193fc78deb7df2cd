"""Uploads that outlive their page, servers that go away, files that are no scans, an archive that remembers."""

import re
from urllib.parse import urlsplit

import nibabel as nib
import numpy as np
import pytest
from playwright.sync_api import expect

from tests.end_to_end.web.link import Link
from tests.end_to_end.web.steps import shot, start_stopped_upload

NO_WEBGL = """
const real = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
    return kind.startsWith("webgl") ? null : real.call(this, kind, ...rest);
};
"""
HELD = """() => {
    const event = new Event("beforeunload", {cancelable: true});
    window.dispatchEvent(event);
    return event.defaultPrevented;
}"""


@pytest.fixture
def link(served):
    made = Link(urlsplit(served.url).port)
    yield made
    made.close()


def test_an_upload_goes_on_while_other_pages_are_open(opened, served, scan):
    page = opened()
    page.goto(served.url)
    start_stopped_upload(page, scan)
    page.get_by_role("link", name="Archive").click()
    chip = page.get_by_role("link", name=re.compile("The scan is being sent"))
    expect(chip).to_be_visible()
    assert page.evaluate(HELD), "the browser asks before the tab is closed"
    shot(page, "upload-elsewhere")
    chip.click()
    page.get_by_role("heading", name="Sending the scan").wait_for()
    page.get_by_role("link", name="Archive").click()
    page.unroute_all()  # lets the request go on
    page.get_by_text("The scan was sent.").wait_for()
    assert page.url.endswith("#/archive"), "nobody is taken away from the page they are on"
    assert not page.evaluate(HELD)
    page.get_by_role("link", name="Open it").click()
    page.wait_for_url(re.compile("#/jobs/"))
    job = page.url.rsplit("/", 1)[1]
    page.goto("about:blank")
    with served.client() as client:
        client.post(f"/v1/jobs/{job}/cancel")


def test_a_lost_server_is_said_at_once_and_found_again(opened, served, scan, link):
    page = opened()
    page.goto(link.url)
    page.get_by_role("navigation").wait_for()
    with served.client() as client:
        job = client.post("/v1/jobs", content=scan.read_bytes()).json()["id"]
    page.goto(f"{link.url}/#/jobs/{job}")
    page.get_by_role("heading", name="Processing").wait_for()
    shot(page, "processing")
    link.cut()
    expect(page.get_by_role("alert").filter(has_text="can't be reached")).to_be_visible()
    page.goto(f"{link.url}/#/archive")
    page.goto(f"{link.url}/#/jobs/{job}")
    expect(page.get_by_text("Trying again")).to_be_visible()
    shot(page, "server-away")
    link.mend()
    found = page.locator(".workspace").or_(page.get_by_role("heading", name="Processing"))
    expect(found).to_be_visible()
    page.goto("about:blank")
    with served.client() as client:
        client.post(f"/v1/jobs/{job}/cancel")
    opened.complaints.clear()  # the browser notes every request that failed


def test_what_is_no_scan_is_refused_before_it_is_asked_about(opened, served, tmp_path):
    page = opened()
    page.goto(served.url)
    for name, content in (("notes.txt", b"a few words"), ("letter.pdf", b"%PDF-1.7\n" + bytes(99))):
        (tmp_path / name).write_bytes(content)
        page.set_input_files("input[data-files]", tmp_path / name)
        expect(page.locator(".problem")).to_contain_text("This is not a scan")
        assert page.get_by_role("button", name="Start").count() == 0
    shot(page, "refused")


def test_doubts_are_said_before_the_scan_is_sent(opened, served, tmp_path):
    volume = np.random.default_rng(1).normal(-800, 300, (32, 32, 1)).astype(np.int16)
    nib.save(nib.Nifti1Image(volume, np.diag([2.0, 2.0, 3.0, 1.0])), tmp_path / "slice.nii.gz")
    page = opened()
    page.goto(served.url)
    page.set_input_files("input[data-files]", tmp_path / "slice.nii.gz")
    page.get_by_role("heading", name="Is this the right scan?").wait_for()
    expect(page.get_by_text(re.compile("Out of domain: this looks like a CT.*trained on MR"))).to_be_visible()
    expect(page.get_by_text("This is a single slice")).to_be_visible()
    shot(page, "doubts")


def test_the_archive_remembers_how_it_was_set(opened, served, result):
    page = opened()
    asked = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    page.goto(f"{served.url}/#/archive")
    row = page.locator(f'.job[data-job="{result}"]')
    row.wait_for()
    assert [path for path in asked if path.startswith("/v1/jobs")] == ["/v1/jobs"], "one request for all rows"
    page.get_by_role("button", name="Time taken").click()
    expect(page.get_by_role("columnheader", name="Time taken")).to_have_attribute("aria-sort", "ascending")
    page.get_by_label("Search").fill(result[-8:])
    expect(page.locator(".job")).to_have_count(1)
    row.get_by_role("link").click()
    page.locator(".workspace").wait_for()
    page.go_back()
    expect(page.get_by_label("Search")).to_have_value(result[-8:])
    expect(page.get_by_role("columnheader", name="Time taken")).to_have_attribute("aria-sort", "ascending")
    expect(page.locator(".job")).to_have_count(1)


def test_a_job_is_named_reviewed_and_found_by_it(opened, served, result):
    page = opened()
    page.goto(f"{served.url}/#/archive")
    row = page.locator(f'.job[data-job="{result}"]')
    row.get_by_role("button", name="Describe").click()
    dialog = page.get_by_role("dialog", name="Describe the job")
    dialog.get_by_label("Name").fill("Case seven")
    dialog.get_by_label("Tags").fill("liver, trial")
    dialog.get_by_label("Review").select_option("accepted")
    shot(page, "describe")
    dialog.get_by_role("button", name="Save").click()
    expect(row.get_by_text("Case seven")).to_be_visible()
    expect(row.get_by_text("#liver · #trial · Accepted")).to_be_visible()
    page.get_by_label("Search").fill("SEVEN trial")
    expect(page.locator(".job")).to_have_count(1)
    shot(page, "archive-found")
    page.get_by_label("Search").fill("eight")
    expect(page.get_by_text("No results")).to_be_visible()


def test_the_page_speaks_the_browsers_language_or_the_chosen_one(opened, served):
    page = opened(locale="de-DE")
    page.goto(served.url)
    expect(page.get_by_role("heading", name="Neuer Scan")).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "de"
    shot(page, "german")
    page.get_by_label("Sprache").select_option("en")
    expect(page.get_by_role("heading", name="New scan")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="New scan")).to_be_visible()


def test_a_browser_without_webgl_says_so_in_plain_words(opened, served, result):
    page = opened(NO_WEBGL)
    page.goto(f"{served.url}/#/jobs/{result}")
    expect(page.get_by_text("WebGL 2 is switched off or missing")).to_have_count(2)
    expect(page.get_by_label("Show Stomach")).to_be_visible()
