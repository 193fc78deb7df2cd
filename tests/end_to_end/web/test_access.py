"""Every page in light and dark: no accessibility violation, no complaint of the browser, nothing from elsewhere."""

import gzip
import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.end_to_end.web.conftest import KEY
from tests.end_to_end.web.steps import shot, show, sized_shots, start_stopped_upload, violations, wait_shown

CUT = """[...document.querySelectorAll(".masthead *, main *")].filter((element) => {
    const { width, right } = element.getBoundingClientRect();
    const card = element.closest(".card")?.getBoundingClientRect().right ?? innerWidth;
    const hides = getComputedStyle(element).overflowX !== "visible" && element.scrollWidth > element.clientWidth + 1;
    return width > 1 && (right > Math.min(card, innerWidth) + 1 || hides);
}).map((element) => element.outerHTML.slice(0, 120))"""
"""What of a page is cut off or beyond its card."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_accessible(opened, served, scan, result, axe, scheme):
    page = opened(color_scheme=scheme)
    page.goto(served.url)
    page.get_by_text("Drop a scan here").wait_for()
    assert violations(page, axe) == []
    sized_shots(page, f"new-{scheme}")
    page.set_input_files("input[data-files]", scan)
    page.get_by_role("heading", name="Is this the right scan?").wait_for()
    assert violations(page, axe) == []
    sized_shots(page, f"confirm-{scheme}")
    page.goto(f"{served.url}/#/archive")
    page.locator(".job").first.wait_for()
    assert violations(page, axe) == []
    sized_shots(page, f"archive-{scheme}")
    page.get_by_role("button", name="Cards").click()
    page.locator(".job-card").first.wait_for()
    assert violations(page, axe) == []
    sized_shots(page, f"cards-{scheme}")
    page.goto(f"{served.url}/#/headset")
    page.locator(".qr").wait_for()
    assert violations(page, axe) == []
    for width in (320, 768, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 860})
        assert page.evaluate(CUT) == [], width
    page.set_viewport_size({"width": 1280, "height": 860})
    sized_shots(page, f"headset-page-{scheme}")
    page.goto(f"{served.url}/#/jobs/nothing")
    page.get_by_text(re.compile("no such job|not found|does not exist|is no", re.I)).first.wait_for()
    assert violations(page, axe) == []
    opened.complaints.clear()  # the browser notes the answer 404 that was asked for
    page.goto(f"{served.url}/#/jobs/{result}")
    wait_shown(page)
    assert violations(page, axe) == []
    page.get_by_role("button", name="Share", exact=True).click()
    assert violations(page, axe) == []
    page.keyboard.press("Escape")
    for button in ("Downloads", "Window", "Keys and mouse"):
        page.get_by_role("button", name=button, exact=True).click()
        assert violations(page, axe) == [], button
        shot(page, f"{button.lower()}-{scheme}")
        page.keyboard.press("Escape")
    sized_shots(page, f"result-{scheme}")
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_role("group", name="View").get_by_role("button", name="Organs").click()
    assert violations(page, axe) == []
    shot(page, f"organs-390-{scheme}")


def test_result_fits_a_tablet(opened, served, result):
    page = opened(viewport={"width": 820, "height": 1180}, has_touch=True)
    show(page, served.url, result)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 820, "nothing sticks out to the side"
    shot(page, "tablet", full_page=True)


def test_signing_in_with_a_key(opened, served, axe):
    page = opened()
    page.goto(served.url)
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Sign in").wait_for()
    assert violations(page, axe) == []
    shot(page, "sign-in")
    page.get_by_label("API key").fill("vsk_wrong_key_that_nobody_has")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("This key is not known here")).to_be_visible()
    opened.complaints.clear()  # the browser notes the answer 401 that was asked for
    page.get_by_label("API key").fill(KEY)
    page.keyboard.press("Enter")
    page.get_by_text("Drop a scan here").wait_for()
    assert KEY not in page.evaluate("document.cookie + JSON.stringify({...localStorage, ...sessionStorage})")


def test_a_bad_scan_is_told_where_it_belongs(opened, served, axe, tmp_path):
    path = tmp_path / "notes.nii.gz"
    path.write_bytes(gzip.compress(b"these are no voxels" * 50))
    page = opened()
    page.goto(served.url)
    page.set_input_files("input[data-files]", path)
    page.get_by_role("heading", name="Is this the right scan?").wait_for()
    expect(page.get_by_text("You can send it all the same")).to_be_visible()
    page.get_by_role("button", name="Start").click()
    alert = page.locator(".problem")
    expect(alert).to_be_visible()
    assert len(alert.inner_text()) > 20
    assert violations(page, axe) == []
    opened.complaints.clear()  # the browser notes the refusal that was asked for


def test_upload_pauses_resumes_and_stops(opened, served, scan):
    page = opened()
    page.goto(served.url)
    stopped = start_stopped_upload(page, scan)
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("heading", name="Paused").wait_for()
    page.unroute_all()
    page.get_by_role("button", name="Resume").click()
    page.wait_for_url(re.compile("#/jobs/"))
    assert stopped, "the first try was under way"
    page.goto(f"{served.url}/#/new")
    start_stopped_upload(page, scan)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("Drop a scan here").wait_for()


def packed(served, asked):
    """Bytes of the application's own files that were asked for, compressed."""
    paths = {urlsplit(url).path.lstrip("/") or "index.html" for url in asked}
    files = [served.bundle / path for path in paths if (served.bundle / path).is_file()]
    return sum(len(gzip.compress(file.read_bytes())) for file in files)


FIRST_PAGE = 40_000


def test_the_first_page_is_small_in_german_too(opened, served):
    page = opened(locale="de-DE")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(served.url)
    page.get_by_text("Scan hier ablegen").wait_for()
    assert packed(served, asked) < FIRST_PAGE
    page.get_by_role("link", name="Archiv").click()
    page.get_by_placeholder("Nach Name, Stichwort").wait_for()


def test_everything_comes_from_the_service_itself_and_is_small(opened, served, result):
    page = opened()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(served.url)
    page.get_by_text("Drop a scan here").wait_for()
    first = packed(served, asked)
    show(page, served.url, result)
    assert first < FIRST_PAGE, "the first page"
    assert packed(served, asked) < 600_000, "a result's first view"
    outside = [url for url in asked if not url.startswith((served.url, "blob:", "data:"))]
    assert outside == []
    total = sum(len(gzip.compress(file.read_bytes())) for file in served.bundle.rglob("*") if file.is_file())
    assert total < 1_500_000
