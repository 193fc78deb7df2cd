"""The report of a result and its review state, by mouse and by keyboard, for members and for guests."""

import io

import pytest
from playwright.sync_api import expect
from pypdf import PdfReader

from tests.end_to_end.web.steps import shot, show, themed_shots, violations


@pytest.fixture(scope="module")
def page(kept, served, result):
    """One page with the result open, which nobody has reviewed."""
    with served.client() as client:
        client.patch(f"/v1/jobs/{result}", json={"review": "unread"})
    opened = kept()
    show(opened, served.url, result)
    return opened


def report(page, act):
    """The tab that `act` opens, and the address of the PDF that it becomes."""
    with (
        page.context.expect_event("response", lambda each: "/report.pdf" in each.url and each.status == 200) as answer,
        page.context.expect_page() as tab,
    ):
        act()
    assert answer.value.header_value("content-type") == "application/pdf"
    return tab.value, answer.value.url


def text_of(served, url):
    with served.client() as client:
        pdf = client.get(url.removeprefix(served.url)).content
    return " ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def test_the_report_opens_by_mouse_and_by_key_in_the_language_of_the_page(page, served, result):
    tab, url = report(page, page.get_by_role("link", name="Report").click)
    tab.close()
    assert url.endswith(f"/v1/jobs/{result}/report.pdf?revision=1&lang=en")
    text = text_of(served, url)
    assert "Stomach" in text
    assert "Not for diagnosis" in text
    page.get_by_label("Language").select_option("de")
    page.get_by_label("Schichten mit Umrissen").focus()
    tab, url = report(page, lambda: page.keyboard.press("d"))
    tab.close()
    assert "Nicht zur Diagnose" in text_of(served, url)
    page.get_by_label("Sprache").select_option("en")


def test_a_report_that_cannot_be_written_says_why(opened, served, axe):
    page = opened()
    page.goto(served.url)
    page.get_by_role("navigation").wait_for()
    page.goto(f"{served.url}/#/report/job_unknown?revision=1")
    expect(page.get_by_role("alert").filter(has_text="There is no such job.")).to_be_visible()
    assert violations(page, axe) == []
    themed_shots(page, "report")
    assert opened.complaints
    opened.complaints.clear()  # the browser's own lines on 404


def test_the_review_state_is_seen_and_set_by_mouse_and_by_key(page, served, result, axe):
    def review():
        with served.client() as client:
            return client.get(f"/v1/jobs/{result}").json()["review"]

    choice = page.get_by_label("Review")
    expect(choice).to_have_value("unread")
    choice.select_option("Accepted")
    expect(page.get_by_text("Review: Accepted")).to_be_attached()
    assert review() == "accepted"
    assert "Accepted by" in page.locator(".review").get_attribute("data-tip")
    themed_shots(page, "review")
    assert violations(page, axe) == []
    page.get_by_label("Slices with outlines").focus()
    for key, state in (("x", "needs_correction"), ("y", "accepted"), ("u", "unread")):
        page.keyboard.press(key)
        expect(choice).to_have_value(state)
        assert review() == state


def test_a_guest_has_the_report_and_no_review(opened, served, result):
    with served.client() as client:
        token = client.post(f"/v1/jobs/{result}/share", json={"seconds": 600}).json()["token"]
    page = opened()
    page.goto(f"{served.url}/#/shared/{token}")
    link = page.get_by_role("link", name="Report")
    tab, _ = report(page, link.click)
    tab.close()
    expect(page.get_by_label("Review")).to_have_count(0)
    shot(page, "guest")
