"""The archive: many jobs at once, limits of the list, all of it in the address."""

import csv
import io
import json

import pytest
from playwright.sync_api import expect

from shared.imaging.phantoms import abdomen
from tests.end_to_end.web.steps import themed_shots, violations
from tests.support.scans import small_grid, write_nifti


@pytest.fixture(scope="module")
def jobs(served, tmp_path_factory):
    """Four small jobs, cancelled where that was faster than the workers, with names, the newest last."""
    scan = write_nifti(tmp_path_factory.mktemp("small") / "scan.nii.gz", abdomen(small_grid()).volume).read_bytes()
    with served.client() as client:
        made = []
        for number in range(4):
            job = client.post("/v1/jobs", content=scan).json()["id"]
            client.post(f"/v1/jobs/{job}/cancel")
            client.patch(f"/v1/jobs/{job}", json={"name": f"Bulk {number}", "tags": ["trial"]})
            made.append(job)
    return made


@pytest.fixture(scope="module")
def page(kept, served, jobs):
    opened = kept()
    opened.goto(served.url)
    opened.get_by_role("navigation").wait_for()
    opened.goto(f"{served.url}/#/archive?q=bulk")
    expect(opened.locator("tr.job")).to_have_count(4)
    return opened


def choice(page, number):
    return page.get_by_label(f"Choose Bulk {number}")


def described(served, jobs):
    with served.client() as client:
        return [client.get(f"/v1/jobs/{job}").json() for job in jobs]


def test_a_range_is_chosen_with_shift_and_all_by_the_head(page, axe):
    choice(page, 3).click()
    choice(page, 1).click(modifiers=["Shift"])
    expect(page.get_by_text("3 chosen")).to_be_visible()
    assert not choice(page, 0).is_checked()
    themed_shots(page, "archive-chosen")
    assert violations(page, axe) == []
    page.get_by_label("Choose all that are shown").check()
    expect(page.get_by_text("4 chosen")).to_be_visible()
    page.get_by_role("button", name="Choose none").click()
    expect(page.get_by_role("region", name="Chosen jobs")).to_have_count(0)


def test_review_and_tags_change_for_all_that_are_chosen(page, served, jobs):
    choice(page, 0).check()
    choice(page, 2).check()
    page.get_by_role("button", name="Set the review").click()
    page.get_by_role("group", name="Set the review").get_by_role("button", name="Accepted").click()
    expect(page.locator("tr.job", has_text="Accepted")).to_have_count(2)
    page.get_by_role("button", name="Tags").click()
    page.get_by_label("New tag").fill("second")
    page.keyboard.press("Enter")
    expect(page.locator("tr.job", has_text="#second")).to_have_count(2)
    page.get_by_role("button", name="Tags").click()
    page.get_by_role("button", name="Remove #trial").click()
    expect(page.locator("tr.job", has_text="#trial")).to_have_count(2)
    found = [(job["review"], job["tags"]) for job in described(served, jobs)]
    assert found == [("accepted", ["second"]), ("unread", ["trial"])] * 2


def test_limits_are_in_the_address_and_ask_the_server_once(page, served, jobs):
    asked = []
    page.on("request", lambda request: "/v1/" in request.url and asked.append(request.url))
    page.get_by_label("Review", exact=True).select_option("Accepted")
    expect(page.locator("tr.job")).to_have_count(2)
    assert "review=accepted" in page.url
    assert len(asked) == 1, "no request for each job"
    page.reload()
    expect(page.locator("tr.job")).to_have_count(2)
    page.get_by_label("Warning", exact=True).select_option("Very small organ")
    expect(page.get_by_text("No results")).to_be_visible()
    assert "warning=tiny" in page.url
    page.get_by_role("button", name="Clear").click()
    page.get_by_label("Search").fill("bulk")
    expect(page.locator("tr.job")).to_have_count(4)


def test_volumes_are_downloaded_as_a_table(page, served, result):
    with served.client() as client:
        client.patch(f"/v1/jobs/{result}", json={"name": "Bulk result"})
        organs = client.get(f"/v1/jobs/{result}/report.json").json()["organs"]
    page.reload()
    page.get_by_label("Choose all that are shown").check()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Volumes as CSV").click()
    rows = list(csv.DictReader(io.StringIO(waiting.value.path().read_text())))
    assert {row["organ"]: float(row["volume_ml"]) for row in rows} == {
        organ["title"]: organ["volume_ml"] for organ in organs if organ["present"]
    }
    assert {row["job"] for row in rows} == {result}
    page.get_by_role("button", name="Choose none").click()
    with served.client() as client:
        client.patch(f"/v1/jobs/{result}", json={"name": ""})


def test_two_results_are_chosen_as_cards_and_compared_by_a_link(opened, served, result, axe):
    page = opened()

    def doubled(route):
        answer = route.fetch()
        items = answer.json()["items"]
        found = next(item for item in items if item["id"] == result)
        route.fulfill(response=answer, body=json.dumps({"items": [found, found | {"id": "job_other"}], "next": None}))

    page.route("**/v1/jobs?*", doubled)
    page.goto(served.url)
    page.get_by_role("navigation").wait_for()
    page.goto(f"{served.url}/#/archive")
    page.get_by_role("button", name="Cards").click()
    boxes = page.locator(".job-card input")
    expect(boxes).to_have_count(2)  # `all` does not wait
    for box in boxes.all():
        box.check()
    themed_shots(page, "archive-cards")
    assert violations(page, axe) == []
    link = page.get_by_role("link", name="Compare")
    expect(link).to_have_attribute("href", f"#/compare/{result}/job_other")


def test_many_jobs_are_deleted_after_one_question(page, served, jobs):
    page.reload()
    expect(page.locator("tr.job").filter(has_text="Bulk 0")).to_be_visible()
    choice(page, 2).focus()
    page.keyboard.press("Space")
    choice(page, 0).focus()
    page.keyboard.press("Shift+Space")
    page.get_by_role("region", name="Chosen jobs").get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog", name="Delete 3 jobs?")
    dialog.get_by_role("button", name="Delete 3 jobs").click()
    expect(page.locator("tr.job")).to_have_count(1)
    with served.client() as client:
        assert [client.get(f"/v1/jobs/{job}").status_code for job in jobs] == [404, 404, 404, 200]
        client.delete(f"/v1/jobs/{jobs[3]}")
