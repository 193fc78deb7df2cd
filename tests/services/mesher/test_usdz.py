"""USDZ, read by OpenUSD itself: metres, axes, names and colours, and the same surfaces as the GLB."""

import zipfile
from dataclasses import replace

import numpy as np
import pytest
from pxr import Usd, UsdGeom, UsdShade, UsdValidation

from services.mesher.core import mesh
from services.mesher.glb import to_glb
from services.mesher.provenance import NOTICE, Provenance
from services.mesher.usdz import to_usdz
from tests.services.mesher.glb.reader import accessor, parse
from tests.services.mesher.shapes import labels, phantom_labels

ORIGIN = Provenance(software="1.2.3")


@pytest.fixture(scope="module")
def meshed():
    return mesh(phantom_labels(), "light")


def opened(content, folder):
    path = folder / "model.usdz"
    path.write_bytes(content)
    return path, Usd.Stage.Open(str(path))


@pytest.fixture(scope="module")
def stage(meshed, tmp_path_factory):
    return opened(to_usdz(meshed.organs, ORIGIN), tmp_path_factory.mktemp("usdz"))


def meshes(stage):
    return {prim.GetName(): UsdGeom.Mesh(prim) for prim in stage.Traverse() if prim.IsA(UsdGeom.Mesh)}


def test_the_package_is_stored_aligned_and_has_no_fault_that_openusd_knows(stage):
    path, scene = stage
    with zipfile.ZipFile(path) as archive:
        (entry,) = archive.infolist()
        assert entry.compress_type == zipfile.ZIP_STORED
        header = path.read_bytes()[entry.header_offset :]
        start = (
            entry.header_offset + 30 + int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
        )
        assert start % 64 == 0
        assert path.read_bytes()[start:].startswith(b"#usda 1.0")
    validators = UsdValidation.ValidationRegistry().GetOrLoadAllValidators()
    assert "usdUtilsValidators:UsdzPackageValidator" in [each.GetMetadata().name for each in validators]
    faults = UsdValidation.ValidationContext(validators).Validate(scene)
    assert [fault.GetMessage() for fault in faults] == []


def test_the_scene_is_in_metres_with_y_to_the_head_and_stands_on_the_floor(stage):
    _, scene = stage
    assert UsdGeom.GetStageMetersPerUnit(scene) == 1.0
    assert UsdGeom.GetStageUpAxis(scene) == UsdGeom.Tokens.y
    assert scene.GetDefaultPrim().GetName() == "organs"
    box = UsdGeom.BBoxCache(Usd.TimeCode.Default(), [UsdGeom.Tokens.default_]).ComputeWorldBound(scene.GetDefaultPrim())
    low, high = np.array(box.ComputeAlignedRange().GetMin()), np.array(box.ComputeAlignedRange().GetMax())
    assert low[1] == pytest.approx(0.0, abs=2e-6)
    assert 0.1 < (high - low).max() < 1.0
    middle = {name: np.mean(organ.GetPointsAttr().Get(), axis=0) for name, organ in meshes(scene).items()}
    assert middle["stomach"][1] > middle["small_bowel"][1]
    assert middle["stomach"][0] > middle["small_bowel"][0], "the stomach is left, +X"


def test_vertices_triangles_and_normals_are_those_of_the_glb(stage, meshed):
    _, scene = stage
    document, binary = parse(to_glb(meshed.organs, ORIGIN))
    found = meshes(scene)
    assert list(found) == [node["name"] for node in document["nodes"]]
    for node in document["nodes"]:
        (primitive,) = document["meshes"][node["mesh"]]["primitives"]
        truth = accessor(document, binary, primitive["attributes"]["POSITION"])
        normals = accessor(document, binary, primitive["attributes"]["NORMAL"])
        organ = found[node["name"]]
        points = np.array(organ.GetPointsAttr().Get())
        step = np.ptp(truth, axis=0).max() / 16383.0  # that of the quantised GLB
        assert np.abs(points - truth).max() < min(step, 1e-6)
        faces = np.array(organ.GetFaceVertexIndicesAttr().Get())
        np.testing.assert_array_equal(faces, accessor(document, binary, primitive["indices"]).reshape(-1))
        np.testing.assert_array_equal(organ.GetFaceVertexCountsAttr().Get(), np.full(len(faces) // 3, 3))
        np.testing.assert_allclose(organ.GetNormalsAttr().Get(), normals, atol=6e-4)
        assert organ.GetNormalsInterpolation() == UsdGeom.Tokens.vertex
        assert organ.GetSubdivisionSchemeAttr().Get() == UsdGeom.Tokens.none
        extent = np.array(organ.GetExtentAttr().Get())
        np.testing.assert_allclose(extent, [truth.min(axis=0), truth.max(axis=0)], atol=1e-6)


def test_colours_and_names_are_those_of_the_glb(stage, meshed):
    _, scene = stage
    document, _ = parse(to_glb(meshed.organs, ORIGIN))
    colours = {each["name"]: each["pbrMetallicRoughness"]["baseColorFactor"][:3] for each in document["materials"]}
    for (name, organ), facts in zip(meshes(scene).items(), meshed.organs, strict=True):
        material, _ = UsdShade.MaterialBindingAPI(organ.GetPrim()).ComputeBoundMaterial()
        shader, _, _ = material.ComputeSurfaceSource()
        assert shader.GetIdAttr().Get() == "UsdPreviewSurface"
        np.testing.assert_allclose(shader.GetInput("diffuseColor").Get(), colours[name], atol=1e-6)
        prim = organ.GetPrim()
        assert prim.GetDisplayName() == facts.definition.title
        assert prim.GetCustomDataByKey("volume_ml") == pytest.approx(facts.volume_voxels_ml, abs=1e-3)
        assert prim.GetCustomDataByKey("snomed_ct") == facts.definition.snomed
    told = scene.GetRootLayer().customLayerData
    assert (told["notice"], told["creator"]) == (NOTICE, "Viscera 1.2.3")


def test_any_name_becomes_an_identifier_and_any_title_stays_text(meshed, tmp_path):
    names = ["1.left-kidney", "1_left_kidney", 'say "hi"\n{', ""]
    titles = ['A "quoted" \\ title', "Ürgroß", "line\nbreak", '"]} def Xform "x" {']
    organs = [
        replace(meshed.organs[0], definition=replace(meshed.organs[0].definition, name=name, title=title))
        for name, title in zip(names, titles, strict=True)
    ]
    _, scene = opened(to_usdz(organs, ORIGIN), tmp_path)
    shown = [organ.GetPrim().GetDisplayName() for organ in meshes(scene).values()]
    assert shown == [titles[0], titles[1], "line break", titles[3]]


def test_no_organ_makes_a_valid_empty_scene(tmp_path):
    _, scene = opened(to_usdz(mesh(labels(np.zeros((3, 4, 5)))).organs, ORIGIN), tmp_path)
    assert meshes(scene) == {}
    assert UsdGeom.GetStageMetersPerUnit(scene) == 1.0


def test_the_same_surfaces_make_the_same_bytes(meshed):
    assert to_usdz(meshed.organs, ORIGIN) == to_usdz(meshed.organs, ORIGIN)
