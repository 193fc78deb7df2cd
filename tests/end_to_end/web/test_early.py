"""While the segmenter works, the page of a job shows the slices that are finished and a preview of the surfaces."""

import nibabel as nib
import pytest
from playwright.sync_api import expect

from shared.imaging.phantoms import abdomen, default_grid
from tests.end_to_end.web.steps import shot


@pytest.fixture(scope="module")
def long_scan(tmp_path_factory):
    """So many slices that the segmenter needs seconds."""
    volume = abdomen(default_grid(slices=160)).volume
    path = tmp_path_factory.mktemp("long") / "scan.nii.gz"
    nib.save(nib.Nifti1Image(volume.data.T, volume.geometry.ras), path)
    return path.read_bytes()


def test_slices_and_surfaces_are_shown_before_the_last_slice_is_finished(opened, served, long_scan):
    page = opened()
    page.goto(served.url)
    page.get_by_role("navigation").wait_for()
    with served.client() as client:
        _, job = [client.post("/v1/jobs?coverage=false", content=long_scan).json()["id"] for _ in range(2)]
    page.goto(f"{served.url}/#/jobs/{job}")
    early = page.get_by_role("region", name="Early outlines")
    picture = early.get_by_role("img", name="with early outlines")
    picture.wait_for(timeout=120_000)
    page.wait_for_function("() => Number(document.querySelector('[data-triangles]')?.dataset.triangles) > 500")
    with served.client() as client:
        running = client.get(f"/v1/jobs/{job}").json()
    assert running["state"] == "running"
    assert picture.evaluate("async image => (await image.decode(), image.naturalWidth)") > 100
    shot(page, "early", full_page=True)
    slider = early.get_by_role("slider")
    slider.focus()
    page.keyboard.press("Home")
    expect(slider).to_have_attribute("aria-valuetext", "Slice 0")
    page.wait_for_function("() => document.querySelector('.early img').src.includes('/slices/0.png?overlay=1')")
