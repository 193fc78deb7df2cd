"""The other files: STL, OBJ, 3MF, thumbnail, report, and the one call that makes them."""

import io
import json
import zipfile
from dataclasses import asdict
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
import trimesh

from services.mesher.core import mesh
from services.mesher.exports import to_3mf, to_obj_zip, to_stl
from services.mesher.outputs import FILES, write_outputs
from services.mesher.provenance import Provenance
from services.mesher.report import Report, build_report
from services.mesher.thumbnail import render
from shared.artifacts import ModelFact
from shared.imaging.confidence import Confidence
from tests.services.mesher.shapes import ball, labels, phantom_labels


@pytest.fixture(scope="module")
def meshed():
    return mesh(phantom_labels(), "light")


@pytest.fixture(scope="module")
def nothing():
    return mesh(labels(np.zeros((3, 4, 5))))


def total_ml(meshed):
    return sum(organ.volume_mesh_ml for organ in meshed.organs)


def test_stl_holds_all_organs_in_patient_millimetres(meshed):
    loaded = trimesh.load(io.BytesIO(to_stl(meshed.organs)), file_type="stl")
    everything = np.concatenate([organ.vertices for organ in meshed.meshes])
    assert loaded.is_watertight
    assert loaded.volume / 1000.0 == pytest.approx(total_ml(meshed), rel=1e-3)
    assert np.allclose(loaded.bounds, [everything.min(axis=0), everything.max(axis=0)], atol=1e-3)


def test_obj_names_and_colours_each_organ(meshed):
    archive = zipfile.ZipFile(io.BytesIO(to_obj_zip(meshed.organs)))
    text, materials = archive.read("model.obj").decode(), archive.read("model.mtl").decode()
    assert [line[2:] for line in text.splitlines() if line.startswith("o ")] == [
        "stomach",
        "small_bowel",
        "large_bowel",
    ]
    assert materials.count("newmtl") == 3
    vertices = np.array([line.split()[1:] for line in text.splitlines() if line.startswith("v ")], dtype=float)
    assert np.allclose(vertices, np.concatenate([organ.vertices for organ in meshed.meshes]), atol=1e-4)
    last = max(int(part.split("//")[0]) for part in text.splitlines()[-1].split()[1:])
    assert last <= len(vertices)


def test_3mf_is_a_package_of_coloured_objects_in_millimetres(meshed):
    archive = zipfile.ZipFile(io.BytesIO(to_3mf(meshed.organs)))
    assert {"[Content_Types].xml", "_rels/.rels", "3D/3dmodel.model"} == set(archive.namelist())
    space = "{http://schemas.microsoft.com/3dmanufacturing/core/2015/02}"
    model = ElementTree.fromstring(archive.read("3D/3dmodel.model"))
    assert model.get("unit") == "millimeter"
    objects = model.findall(f"{space}resources/{space}object")
    assert [element.get("name") for element in objects] == ["stomach", "small_bowel", "large_bowel"]
    for element, organ in zip(objects, meshed.meshes, strict=True):
        assert len(element.findall(f"{space}mesh/{space}triangles/{space}triangle")) == len(organ.faces)
    assert len(model.findall(f"{space}build/{space}item")) == 3


def test_thumbnail_shows_the_stomach_at_the_upper_right(meshed):
    picture = render(meshed.organs, 200).astype(int)
    yellow = (picture[..., 0] > picture[..., 2] + 80) & (picture[..., 1] > picture[..., 2] + 60)
    rows, columns = np.nonzero(yellow)
    assert len(rows) > 200
    assert rows.mean() < 100 < columns.mean()


def test_no_organ_makes_files_that_still_open(nothing):
    assert to_stl(nothing.organs)[80:] == bytes(4)
    package = zipfile.ZipFile(io.BytesIO(to_3mf(nothing.organs)))
    assert ElementTree.fromstring(package.read("3D/3dmodel.model")).get("unit") == "millimeter"
    assert "model.obj" in zipfile.ZipFile(io.BytesIO(to_obj_zip(nothing.organs))).namelist()
    assert len(np.unique(render(nothing.organs, 64))) <= 3


def test_report_lists_every_organ_with_units_checks_and_provenance(meshed):
    origin = Provenance(
        (("m", "0" * 64),), "viscera 0.1.0", "dicom", "CT", ("out_of_domain",), {"segmenter": 2.5},
        {"0" * 64: ModelFact(name="m", version="3", sha256="0" * 64, provider="cuda", device="cuda:0 H100")},
    )  # fmt: skip
    report = build_report(meshed, origin)
    assert Report.model_validate_json(report.model_dump_json()) == report
    assert [line.name for line in report.organs] == ["stomach", "small_bowel", "large_bowel"]
    assert report.units["volume"] == "mL"
    (model,) = report.models
    assert (model.version, model.sha256, model.provider, model.device) == ("3", "0" * 64, "cuda", "cuda:0 H100")
    assert report.stage_seconds == {"segmenter": 2.5}
    assert [warning.code for warning in report.warnings] == ["out_of_domain"]
    assert report.warnings[0].detail.endswith(".")
    for line in report.organs:
        assert line.checks is not None
        assert {name for name, passed in asdict(line.checks).items() if passed is not True} <= {"no_crossings"}
        assert line.volume_mesh_ml == pytest.approx(line.volume_voxels_ml, rel=5e-3)
        assert line.triangles > 0
    assert report.seconds > 0


def test_report_says_of_which_slices_the_model_is_unsure(meshed):
    values = (0.9, None, 0.3, 0.1)
    sure = Confidence(axis=0, slices=values, organs={"stomach": values, "small_bowel": (None,) * 4})
    report = build_report(meshed, Provenance(confidence=sure))
    assert report.confidence.model_dump() == {"axis": 2, "slices": list(values), "low": [3, 2]}
    stomach, small, large = report.organs
    assert (stomach.confidence, stomach.low_confidence_slices) == (0.433, [2, 3])
    assert (small.confidence, large.confidence, large.low_confidence_slices) == (None, None, [])
    assert build_report(meshed, Provenance()).confidence is None


def test_report_of_no_organ_says_so(nothing):
    report = build_report(nothing, Provenance())
    assert [line.present for line in report.organs] == [False, False, False]
    assert [warning.code for warning in report.warnings] == ["no_organs"]
    assert all(warning.code == "absent" for line in report.organs for warning in line.warnings)


def test_write_outputs_writes_every_file_it_names():
    data = ball((24, 24, 24), (12, 12, 12), 8)
    fractions = []
    outputs = write_outputs(labels(data), progress=fractions.append)
    assert set(outputs) == set(FILES)
    assert all(outputs.values())
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0)
    picture = cv2.imdecode(np.frombuffer(outputs["thumbnail.png"], dtype=np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (512, 512, 3)
    assert json.loads(outputs["report.json"])["organs"][0]["present"]


def test_write_outputs_writes_only_the_requested_files_and_refuses_other_names():
    data = ball((24, 24, 24), (12, 12, 12), 8)
    assert set(write_outputs(labels(data), files=["report.json"])) == {"report.json"}
    with pytest.raises(KeyError):
        write_outputs(labels(data), files=["model.fbx"])
