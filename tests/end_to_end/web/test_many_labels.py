"""A model of 60 labels from upload to GLB, DICOM, page and headset: every name and code is right."""

import io
import json
import shutil
import subprocess

import numpy as np
import pydicom
import pytest
from playwright.sync_api import expect

from services import cli
from services.local import LocalSystem
from shared.imaging.geometry import Geometry
from shared.imaging.volume import Volume
from tests.end_to_end.web.steps import scene, shot, show, sized_shots, violations
from tests.end_to_end.web.test_headset import emulator  # noqa: F401 - a fixture
from tests.end_to_end.web.wearer import BUDGET, entered
from tests.services.mesher.dicom.test_codes import NAMES, ORGANS
from tests.services.mesher.glb.reader import parse
from tests.support.scans import write_dicom
from tests.support.volume_models import volume_card, volume_spec, write_value_model
from viscera_client import Client, packed

SHAPE = (34, 64, 100)


def blocks():
    """60 blocks of 8 x 12 x 16 voxels; the value is ten times the label."""
    data = np.zeros(SHAPE, np.int16)
    for number in range(60):
        depth, rest = divmod(number, 20)
        row, column = divmod(rest, 5)
        z, y, x = 2 + 11 * depth, 2 + 16 * row, 2 + 20 * column
        data[z : z + 8, y : y + 12, x : x + 16] = 10 * (number + 1)
    return data


@pytest.fixture(scope="module")
def environment():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def system(served, tmp_path_factory, environment):
    """A system of its own whose model has 60 labels; its page is the one of the other tests."""
    folder = tmp_path_factory.mktemp("many")
    environment.setenv("VISCERA_MODELS", str(folder / "models"))
    table = [{"id": number, "name": name} for number, name in enumerate(NAMES, start=1)]
    single = {"framework": "monai", "crop_to_nonzero": False, "resampling": {"order": 1, "separate_z": False}}
    spec = volume_spec(patch=(32, 64, 64), spacing=(3.0, 3.0, 3.0), step=1.0, **single)
    card = volume_card(spec, label_table=table, name="sixty")
    cli.main(["models", "add", str(write_value_model(folder / "sixty", card))])
    with LocalSystem(folder / "data", web=served.bundle) as running:
        running.wait_ready()
        yield running


@pytest.fixture(scope="module")
def job(system, tmp_path_factory):
    """A finished job of a DICOM series."""
    volume = Volume(blocks(), Geometry(SHAPE, np.diag([3.0, 3.0, 3.0, 1.0])), "MR", "dicom")
    series = write_dicom(tmp_path_factory.mktemp("series") / "s", volume)
    with Client(system.url, system.key) as client, packed(series) as scan:
        job = client.submit(scan, model="sixty").id
        assert client.wait(job).state == "succeeded"
    return job


@pytest.fixture(scope="module")
def files(system, job, tmp_path_factory):
    """The files of the job by name."""
    folder = tmp_path_factory.mktemp("files")
    with Client(system.url, system.key) as client:
        for name in ("model.glb", "report.json", "segmentation.dcm", "sr.dcm"):
            client.download(job, name, folder / name)
    return folder


def test_every_name_and_code_is_right_in_each_file(files):
    report = json.loads((files / "report.json").read_text())
    expected = [(organ.id, organ.name, organ.title, organ.snomed) for organ in ORGANS]
    told = [(organ["label"], organ["name"], organ["title"], organ["snomed_ct"]) for organ in report["organs"]]
    assert told == expected
    assert all(organ["volume_ml"] == pytest.approx(8 * 12 * 16 * 0.027, rel=0.01) for organ in report["organs"])
    content, _ = parse((files / "model.glb").read_bytes())
    nodes = {node["name"]: node["extras"] for node in content["nodes"] if "mesh" in node}
    assert set(nodes) == set(NAMES)
    assert {name: extras.get("snomed_ct") for name, extras in nodes.items()} == {o.name: o.snomed for o in ORGANS}
    segments = pydicom.dcmread(io.BytesIO((files / "segmentation.dcm").read_bytes())).SegmentSequence
    types = [segment.SegmentedPropertyTypeCodeSequence[0] for segment in segments]
    assert [segment.SegmentNumber for segment in segments] == [organ.id for organ in ORGANS]
    # A structure without a SNOMED CT code has its name as a private one.
    assert [code.get("CodeValue") or code.LongCodeValue for code in types] == [o.snomed or o.name for o in ORGANS]
    structured = pydicom.dcmread(files / "sr.dcm").to_json()
    assert all((organ.snomed or organ.name) in structured for organ in ORGANS)


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (dicom3tools) is not installed")
@pytest.mark.parametrize("name", ["segmentation.dcm", "sr.dcm"])
def test_dciodvfy_finds_no_error(files, name):
    ran = subprocess.run(["dciodvfy", files / name], capture_output=True, text=True, check=False, timeout=60)
    assert "Error" not in ran.stderr, ran.stderr


def test_the_page_shows_groups_that_can_be_searched_hidden_and_isolated(opened, system, job, axe):
    page = opened()
    show(page, system.url, job)
    ribs = page.locator(".organ-group", has=page.get_by_text("Rib", exact=True))
    expect(ribs.get_by_role("button")).to_contain_text("10")
    assert page.locator(".organ-group").count() < 8
    sized_shots(page, "many")
    assert violations(page, axe) == []
    ribs.get_by_role("button").click()
    expect(ribs.locator(".organ-row")).to_have_count(10)
    ribs.get_by_role("button", name="Rib", exact=False).first.click()
    ribs.get_by_label("Show Rib").uncheck()
    hidden = [organ["name"] for organ in scene(page)["organs"] if not organ["visible"]]
    assert sorted(hidden) == sorted(name for name in NAMES if name.startswith("rib_"))
    page.get_by_label("Show all organs").check()
    page.get_by_label("Search organs").fill("kidney")
    expect(page.locator(".organ-row")).to_have_count(4)
    row = page.locator(".organ-row", has_text="Left kidney").first
    row.get_by_role("button", name="Show only").click()
    assert [organ["name"] for organ in scene(page)["organs"] if organ["visible"]] == ["kidney_left"]
    shot(page, "many-search")
    page.get_by_label("Search organs").fill("")
    page.get_by_label("Show all organs").check()
    assert all(organ["visible"] for organ in scene(page)["organs"])


def test_the_headset_has_groups_and_pages_within_budget(opened, system, job, emulator):  # noqa: F811
    wearer = entered(opened(emulator, viewport={"width": 800, "height": 450}), system.url, job)
    page = wearer.page
    cost = wearer.view["cost"]
    assert cost["eyes"] == 2
    assert 2 * 60 <= cost["calls"] <= BUDGET["calls"]
    assert cost["triangles"] <= BUDGET["triangles"], cost
    assert "group:rib" in wearer.rows
    low, high, *_ = np.array(wearer.view["board"]["corners"])
    assert np.linalg.norm(high - low) < 0.59, "as high as an arm reaches"
    shot(page, "many-headset")
    wearer.row("group:rib")
    wearer.row("all")
    hidden = {organ["name"] for organ in scene(page)["organs"] if not organ["visible"]}
    assert hidden == {name for name in NAMES if name.startswith("rib_")}
    wearer.row("more")
    assert "rib_right_12" in wearer.rows
    shot(page, "many-headset-group")
    wearer.row("groups")
    assert "group:rib" in wearer.rows
