"""Learn: a body without a job, questions whose answers no colour gives away, and a teacher's own ones by share link."""

import base64
import json
import re

from playwright.sync_api import expect

from shared.imaging.body.parts import LANDMARKS, PARTS
from tests.end_to_end.web.steps import scene, shot, themed_shots, violations

NAMES = {item.title.lower(): item.name for item in (*PARTS, *LANDMARKS)}


def open_learn(page, served):
    page.goto(f"{served.url}/#/learn")
    page.get_by_role("heading", name="Questions").wait_for()
    page.wait_for_function("() => window.viscera?.scene().organs.length > 20")


def structures(page):
    """The buttons of the open question by the structure that lights up with their focus."""
    found = {}
    for button in page.locator("aside .answers button").all():
        button.focus()
        found[scene(page)["selected"]] = button
    return found


def asked(page):
    """The node that the open question asks for."""
    question = page.locator("aside h2").inner_text()
    return NAMES[re.sub("^Find the ", "", question)]


def test_parts_are_found_by_keyboard_without_a_job(opened, served, axe):
    page, sent = opened(), []
    page.on("request", lambda request: sent.append((request.method, request.url)))
    open_learn(page, served)
    assert violations(page, axe) == []
    themed_shots(page, "learn")
    page.get_by_role("button", name="Parts of organs").click()
    expect(page.get_by_role("button", name="Caecum")).to_have_count(0)
    assert violations(page, axe) == []
    themed_shots(page, "learn-question")
    buttons = structures(page)
    assert len(buttons) == len(NAMES)
    wrong = next(name for name in buttons if name != asked(page))
    buttons[wrong].press("Enter")
    expect(page.get_by_text("Look again")).to_be_visible()
    for _ in range(8):
        buttons[asked(page)].press("Enter")
    expect(page.get_by_text("Done: 7 of 8 at the first try.")).to_be_visible()
    expect(page.get_by_role("button", name="Parts of organs best 88 %")).to_be_visible()
    assert json.loads(page.evaluate("localStorage.learn")) == {"part": {"rounds": 1, "best": 0.875}}
    page.reload()
    expect(page.get_by_role("button", name="Parts of organs best 88 %")).to_be_visible()
    assert not [url for method, url in sent if method != "GET" or "/v1/jobs" in url]


def test_an_organ_is_found_by_a_click_and_a_side_by_a_choice(opened, served):
    page = opened("Math.random = () => 0.999999")  # questions come in their order
    open_learn(page, served)
    page.get_by_role("button", name="Right or left").click()
    choices = page.locator("aside .answers button")
    expect(choices).to_have_text(["Right side of the patient", "Left side of the patient"])
    expect(page.locator("aside h2")).to_have_text("On which side is the fundus of stomach?")
    choices.first.click()
    expect(page.get_by_text("No, look again.")).to_be_visible()
    choices.last.click()
    expect(page.get_by_text("Yes: Left side of the patient.")).to_be_visible()
    page.get_by_role("button", name="End the quiz").click()
    page.locator("button.level").filter(has_text=re.compile("^Organs")).click()
    for answer in ("stomach", "small bowel", "large bowel"):
        expect(page.locator("aside h2")).to_have_text(f"Find the {answer}")
        page.get_by_role("button", name="Show the answer").click()
        expect(page.get_by_text(f"The answer was: {answer}.")).to_be_visible()
    liver = next(organ for organ in scene(page)["organs"] if organ["name"] == "liver")
    x, y = liver["screen"]
    page.locator("canvas").click(position={"x": x, "y": y})
    expect(page.get_by_text("Yes, that is the liver.")).to_be_visible()


def test_a_teachers_questions_come_with_the_share_link(opened, served, result, axe):
    question = ["Which organ <b>absorbs</b> most water?", "large_bowel"]
    lesson = base64.urlsafe_b64encode(json.dumps([question]).encode()).decode().rstrip("=")
    with served.client() as client:
        token = client.post(f"/v1/jobs/{result}/share", json={"seconds": 600}).json()["token"]
    student = opened()
    student.goto(f"{served.url}/#/shared/{token}?lesson={lesson}")
    student.get_by_role("button", name="Start the quiz").click()
    expect(student.locator("aside h2")).to_have_text("Which organ <b>absorbs</b> most water?")
    expect(student.get_by_text("Large bowel")).to_have_count(0)
    student.wait_for_function("() => window.viscera")
    buttons = structures(student)
    shot(student, "own-question")
    buttons["large_bowel"].click()
    expect(student.get_by_text("Done: 1 of 1 at the first try.")).to_be_visible()
    assert violations(student, axe) == []


def test_the_first_page_sends_a_computed_scan_for_those_who_have_none(opened, served):
    page = opened()
    page.goto(served.url)
    with page.expect_response(lambda answer: answer.url.endswith("/v1/jobs")) as sent:
        page.get_by_role("button", name="Send a computed scan").click()
    assert sent.value.status == 202
    with served.client() as client:  # the rest is what every job does
        client.post(f"/v1/jobs/{sent.value.json()['id']}/cancel")
    page.wait_for_url(re.compile(f"#/jobs/{sent.value.json()['id']}"))
