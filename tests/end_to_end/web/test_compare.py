"""Two studies side by side: linked by place in the patient, never mirrored, with their volumes as plot and table."""

import io
import re

import nibabel as nib
import numpy as np
import pydicom
import pytest
from playwright.sync_api import expect

from shared.imaging.geometry import Geometry
from shared.imaging.phantoms import abdomen
from tests.end_to_end.web.conftest import ended
from tests.end_to_end.web.steps import outline, shot, show, sized_shots, violations
from tests.support.multipart import content_type, multipart
from tests.support.scans import small_grid, write_dicom

STOMACH, COLOUR = 1, (230, 159, 0)


@pytest.fixture(scope="module")
def of_one_patient(served, tmp_path_factory):
    """Two results on small studies of one patient that were stored like a PACS stores them, the earlier study first."""
    found = []
    with served.client() as client:
        for date in ("20231105", "20240301"):
            volume = abdomen(small_grid(shape=(8, 32, 32))).volume
            folder = write_dicom(tmp_path_factory.mktemp(date) / "series", volume, StudyDate=date, PatientID="P-7")
            images = [path.read_bytes() for path in sorted(folder.iterdir())]
            headers = {"Content-Type": content_type()}
            assert client.post("/dicom-web/studies", content=multipart(images), headers=headers).status_code == 200
            series = pydicom.dcmread(io.BytesIO(images[0])).SeriesInstanceUID
            closed = client.post(f"/v1/dicom/series/{series}/close").json()
            found.append(ended(client, closed["attempts"][0]["job"]))
    return found


@pytest.fixture(scope="module")
def grids(served, dicom_result, result, tmp_path_factory):
    """The label maps of both results, (slice, row, column), with their grids."""
    folder, found = tmp_path_factory.mktemp("labels"), {}
    with served.client() as client:
        for job in (dicom_result, result):
            path = folder / f"{job}.nii.gz"
            path.write_bytes(client.get(f"/v1/jobs/{job}/labels.nii.gz").content)
            image = nib.load(path)
            data = np.asarray(image.dataobj).T
            found[job] = data, Geometry.from_ras(data.shape, image.affine)
    return found


@pytest.fixture(scope="module")
def page(kept, served, result, dicom_result):
    """One page with both results, as a reader gets there from one of them."""
    opened = kept()
    show(opened, served.url, result)
    opened.get_by_role("button", name="Compare with…").click()
    opened.get_by_label("Search by name, tag, date or number").last.fill(dicom_result[-12:])
    choices = opened.get_by_role("dialog").get_by_role("listitem")
    expect(choices).to_have_count(1)
    choices.get_by_role("button").click()
    opened.wait_for_url(re.compile(f"#/compare/{dicom_result}/{result}$"))
    expect(opened.locator(".pane .readout strong")).to_have_count(2)
    return opened


def jobs_shown(page):
    return [link.get_attribute("href").rsplit("/", 1)[1] for link in page.locator(".pane-head a").all()]


def place(page, at):
    """Where the crosshair of a pane is, LPS mm."""
    text = page.locator(".pane .readout").nth(at).inner_text()
    found = re.search(r"([LR]) (\d+)\s+([PA]) (\d+)\s+([SI]) (\d+) mm", text)
    signs = {"L": 1, "P": 1, "S": 1, "R": -1, "A": -1, "I": -1}
    return np.array([signs[found[n]] * float(found[n + 1]) for n in (1, 3, 5)])


def moved(page, at, keys):
    """How far both crosshairs go, mm, when keys are pressed in one pane."""
    before = [place(page, n) for n in (0, 1)]
    page.locator(".pane canvas").nth(at).focus()
    for key in keys:
        page.keyboard.press(key)
    return [place(page, n) - before[n] for n in (0, 1)]


def test_both_views_scroll_together_until_the_link_is_switched_off(page, grids):
    steps = [grids[job][1].spacing[0] for job in jobs_shown(page)]
    first, second = moved(page, 0, ["ArrowDown"] * 3)
    assert first[2] == pytest.approx(-3 * steps[0], abs=1.1)
    assert second == pytest.approx(first, abs=1.1), "the same millimetres, whatever the slices are"
    first, second = moved(page, 1, ["ArrowUp"] * 2)
    assert second[2] == pytest.approx(2 * steps[1], abs=1.1)
    assert first == pytest.approx(second, abs=1.1)
    page.keyboard.press("k")
    expect(page.get_by_role("button", name="Link both views")).to_have_attribute("aria-pressed", "false")
    first, second = moved(page, 0, ["ArrowDown", "ArrowRight"])
    assert abs(first).max() > 0
    assert abs(second).max() == 0
    apart = place(page, 1) - place(page, 0)
    page.keyboard.press("j")
    expect(page.get_by_role("button", name="Link both views")).to_have_attribute("aria-pressed", "true")
    moved(page, 0, ["ArrowUp", "ArrowUp"])
    assert place(page, 1) - place(page, 0) == pytest.approx(apart, abs=2.1), "linked where they were"


def test_windows_and_planes_are_linked(page):
    def windows():
        return [one.get_attribute("data-window") for one in page.locator("[data-window]").all()]

    before = windows()
    page.locator(".pane canvas").first.focus()
    for key in ("w", "ArrowRight", "ArrowRight", "Escape"):
        page.keyboard.press(key)
    assert all(now != then for now, then in zip(windows(), before, strict=True))
    page.get_by_role("button", name="Planes", exact=True).click()
    page.get_by_role("button", name="Coronal").click()
    expect(page.locator(".pane [data-tile=coronal]")).to_have_count(2)
    page.keyboard.press("a")
    expect(page.locator(".pane [data-tile=axial]")).to_have_count(2)
    page.keyboard.press("l")
    expect(page.locator(".pane .stage[data-tool=point]")).to_have_count(2)  # what is measured belongs to one result


def test_both_show_the_patients_left_on_the_right(page, grids):
    page.keyboard.press("k")
    for at, job in enumerate(jobs_shown(page)):
        data, grid = grids[job]
        slice_ = np.bincount(np.argwhere(data == STOMACH)[:, 0]).argmax()
        columns = np.argwhere(data[slice_] == STOMACH)[:, 1]
        target = grid.to_patient(np.array([0, 0, slice_]))[2]
        moved(page, at, ["ArrowUp", "ArrowDown"])  # to the middle of a slice: linked, it may be anywhere
        steps = round((target - place(page, at)[2]) / grid.spacing[0])
        moved(page, at, ["ArrowUp" if steps > 0 else "ArrowDown"] * abs(steps))
        assert abs(place(page, at)[2] - target) < grid.spacing[0]
        rim = outline(page.locator(".pane canvas").nth(at), COLOUR)
        offset = columns.mean() / (data.shape[2] - 1) - 0.5
        column = np.flatnonzero(rim.any(axis=0)).mean() / rim.shape[1] - 0.5
        assert np.sign(column) == np.sign(offset * grid.affine[0, 0]), "columns run to the patient's left"
    page.keyboard.press("k")


def test_volumes_are_in_a_table_and_a_plot_and_everything_is_accessible(page, served, axe):
    with served.client() as client:
        reports = [client.get(f"/v1/jobs/{job}/report.json").json() for job in jobs_shown(page)]
    volumes = [
        {organ["title"]: organ["volume_ml"] for organ in report["organs"] if organ["present"]} for report in reports
    ]
    page.locator(".volumes tbody tr").first.wait_for()
    rows = {
        row.locator("th").inner_text().strip(): row.locator("td").all_inner_texts()
        for row in page.locator(".volumes tbody tr").all()
    }
    assert set(rows) == set(volumes[0]) | set(volumes[1])
    for title in set(volumes[0]) & set(volumes[1]):
        first, second, difference, percent = (text.replace("−", "-") for text in rows[title])
        earlier, later = (volume[title] for volume in volumes)
        for shown, volume in ((first, earlier), (second, later)):
            assert float(shown.split()[0]) == pytest.approx(volume, abs=0.51)
        assert float(difference.removesuffix(" mL")) == pytest.approx(later - earlier, abs=0.06)
        assert float(percent.removesuffix(" %")) == pytest.approx(100 * (later - earlier) / earlier, abs=0.06)
    assert page.locator(".plot circle").count() == sum(len(volume) for volume in volumes)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert violations(page, axe) == [], scheme
        sized_shots(page, f"compare-{scheme}", full_page=True)
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390, "nothing sticks out to the side"
    boxes = [pane.bounding_box() for pane in page.locator(".pane").all()]
    assert boxes[0]["y"] + boxes[0]["height"] <= boxes[1]["y"] + 1, "below each other where it is narrow"
    page.set_viewport_size({"width": 1280, "height": 860})
    page.get_by_role("button", name="Add a study").click()
    assert violations(page, axe) == []
    shot(page, "compare-choose")
    page.keyboard.press("Escape")


def test_studies_of_the_same_patient_come_first_and_up_to_six_are_compared(page, served, dicom_result, of_one_patient):
    earlier, later = of_one_patient
    page.goto(f"{served.url}/#/jobs/{later}")
    page.get_by_role("button", name="Compare with…").click()
    same = page.get_by_role("region", name="Same patient").get_by_role("listitem")
    expect(same).to_have_count(1)
    expect(same).to_contain_text("Nov 5, 2023")
    expect(page.get_by_role("region", name="Other studies").get_by_role("listitem").first).to_be_visible()
    same.get_by_role("button").click()
    page.wait_for_url(re.compile(f"#/compare/{earlier}/{later}$"))
    page.goto(f"{served.url}/#/compare/{dicom_result}/{later}/{earlier}")
    expect(page.locator(".volumes thead th")).to_have_count(6)
    dates = page.locator(".volumes thead .muted").all_inner_texts()
    assert ["2023" in dates[0], "2024" in dates[1]] == [True, True]
    expect(page.locator(".pane .readout strong")).to_have_count(2)
    assert jobs_shown(page) == [earlier, dicom_result], "the first and the last"
    page.get_by_label("Study in view 2").select_option(later)
    expect(page.locator(".pane-head a").last).to_have_attribute("href", f"#/jobs/{later}")
    expect(page.locator(".pane .readout strong")).to_have_count(2)
    first, second = moved(page, 0, ["ArrowDown"])
    assert second == pytest.approx(first, abs=1.1), "still linked"
    page.goto(f"{served.url}/#/compare/{dicom_result}")
    expect(page.get_by_text("Choose two studies to compare.")).to_be_visible()
