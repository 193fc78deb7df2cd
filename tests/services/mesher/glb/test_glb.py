"""The GLB contract: axes, units, names, extras, colours, and the same geometry when compressed."""

import numpy as np
import pytest

from services.mesher.core import mesh
from services.mesher.glb import to_glb
from services.mesher.provenance import Provenance
from shared.imaging.volume import LabelMap
from tests.services.mesher.glb.reader import accessor, parse
from tests.services.mesher.shapes import labels, phantom_labels, surface

ORIGIN = Provenance(models=(("segmenter", "ab" * 32),), software="viscera 0.1.0", source="nifti", modality="MR")


def corners(document, binary, name):
    """A node's vertices in the scene, its normals and triangles."""
    node = next(candidate for candidate in document["nodes"] if candidate["name"] == name)
    primitive = document["meshes"][node["mesh"]]["primitives"][0]
    points = accessor(document, binary, primitive["attributes"]["POSITION"]).astype(np.float64)
    points = points * np.array(node.get("scale", [1, 1, 1])) + np.array(node.get("translation", [0, 0, 0]))
    normals = accessor(document, binary, primitive["attributes"]["NORMAL"]).astype(np.float64)
    return points, normals, accessor(document, binary, primitive["indices"]).reshape(-1, 3).astype(np.int64)


def test_patient_left_is_x_head_is_y_and_front_is_z_in_metres_about_the_centre():
    meshed = mesh(phantom_labels(), "light")
    document, binary = parse(to_glb(meshed.organs, ORIGIN))
    centre = np.array(document["asset"]["extras"]["center_lps_mm"])
    for organ in meshed.organs:
        points, _, _ = corners(document, binary, organ.name)
        lps = np.stack([points[:, 0], -points[:, 2], points[:, 1]], axis=1) * 1000.0 + centre
        assert np.allclose(lps, surface(meshed, organ.label).vertices, atol=1e-3)
    everything = np.concatenate([corners(document, binary, organ.name)[0] for organ in meshed.organs])
    assert np.allclose(everything.min(axis=0) + everything.max(axis=0), 0.0, atol=1e-6)


def test_the_stomach_is_above_and_to_the_left_of_the_bowel():
    document, binary = parse(to_glb(mesh(phantom_labels()).organs, ORIGIN))
    stomach, bowel = (corners(document, binary, name)[0].mean(axis=0) for name in ("stomach", "small_bowel"))
    assert stomach[0] > bowel[0]
    assert stomach[1] > bowel[1]


@pytest.mark.parametrize("compression", ["none", "quantized", "meshopt"])
def test_faces_are_counter_clockwise_from_outside(compression):
    document, binary = parse(to_glb(mesh(phantom_labels(), "light").organs, ORIGIN, compression))
    for name in ("stomach", "small_bowel", "large_bowel"):
        points, normals, faces = corners(document, binary, name)
        a, b, c = (points[faces[:, k]] for k in range(3))
        across = np.cross(b - a, c - a)
        assert np.einsum("ij,ij->", a - points.mean(axis=0), across) > 0
        assert (np.einsum("ij,ij->i", across, normals[faces].mean(axis=1)) > 0).mean() > 0.99


def test_plain_file_has_no_extension_and_no_node_transform():
    document, _ = parse(to_glb(mesh(phantom_labels(), "light").organs, ORIGIN))
    assert "extensionsUsed" not in document
    assert all(set(node) == {"name", "mesh", "extras"} for node in document["nodes"])


@pytest.mark.parametrize("compression", ["none", "quantized", "meshopt"])
def test_nodes_carry_codes_measures_and_flags(compression):
    meshed = mesh(phantom_labels(), "light")
    document, _ = parse(to_glb(meshed.organs, ORIGIN, compression))
    assert [node["name"] for node in document["nodes"]] == ["stomach", "small_bowel", "large_bowel"]
    codes = [node["extras"]["snomed_ct"] for node in document["nodes"]]
    assert codes == ["69695003", "30315005", "71854001"]
    for node, organ in zip(document["nodes"], meshed.organs, strict=True):
        assert node["extras"]["volume_ml"] == pytest.approx(organ.volume_voxels_ml, abs=1e-3)
        assert node["extras"]["surface_cm2"] == pytest.approx(organ.surface_cm2, abs=1e-3)
        assert node["extras"]["watertight"] is True
        assert node["extras"]["touches_border"] is False


def test_asset_says_which_models_and_software_made_it_and_that_it_is_not_for_diagnosis():
    extras = parse(to_glb(mesh(phantom_labels(), "light").organs, ORIGIN))[0]["asset"]["extras"]
    assert extras["models"] == [{"name": "segmenter", "sha256": "ab" * 32}]
    assert extras["software"] == "viscera 0.1.0"
    assert extras["notice"] == "not for diagnosis"


def test_colours_are_linear_not_srgb():
    document, _ = parse(to_glb(mesh(phantom_labels(), "light").organs, ORIGIN))
    factors = document["materials"][0]["pbrMetallicRoughness"]["baseColorFactor"]
    assert factors == pytest.approx([0.791298, 0.346704, 0.0, 1.0], abs=1e-5)


@pytest.mark.parametrize("compression", ["none", "quantized", "meshopt"])
def test_no_organ_makes_a_valid_empty_file(compression):
    document, binary = parse(to_glb(mesh(labels(np.zeros((3, 4, 5)))).organs, ORIGIN, compression))
    assert binary == b""
    assert "nodes" not in document
    assert document["scenes"] == [{"name": "organs"}]


def test_an_unnamed_label_becomes_a_node_of_its_number():
    data = np.zeros((12, 12, 12))
    data[3:9, 3:9, 3:9] = 42
    document, _ = parse(to_glb(mesh(labels(data)).organs, ORIGIN))
    assert document["nodes"][0]["name"] == "label_42"
    assert "snomed_ct" not in document["nodes"][0]["extras"]


@pytest.mark.parametrize("compression", ["quantized", "meshopt"])
def test_smaller_geometry_is_the_plain_one_within_a_quantisation_step(compression):
    meshed = mesh(phantom_labels(), "light")
    plain, packed = parse(to_glb(meshed.organs, ORIGIN)), parse(to_glb(meshed.organs, ORIGIN, compression))
    for organ in meshed.organs:
        points, normals, faces = corners(*plain, organ.name)
        small, turned, order = corners(*packed, organ.name)
        step = np.ptp(points, axis=0).max() / 16383.0
        key, other = (np.sort(p[f].mean(axis=1).round(4), axis=0) for p, f in ((points, faces), (small, order)))
        assert len(faces) == len(order)
        assert np.allclose(key, other, atol=2e-4)
        from scipy.spatial import cKDTree

        distance, index = cKDTree(points).query(small)
        assert distance.max() < step
        turned /= np.linalg.norm(turned, axis=1, keepdims=True)
        assert (np.einsum("ij,ij->i", turned, normals[index]) > np.cos(np.radians(3.0))).mean() > 0.999


def test_compressed_file_is_at_most_a_quarter():
    meshed = mesh(phantom_labels(), "fine")
    assert 4 * len(to_glb(meshed.organs, ORIGIN, "meshopt")) <= len(to_glb(meshed.organs, ORIGIN))


def test_quantised_vertices_take_half_the_room_and_the_file_two_thirds():
    meshed = mesh(phantom_labels(), "light")
    assert len(to_glb(meshed.organs, ORIGIN, "quantized")) <= 0.68 * len(to_glb(meshed.organs, ORIGIN))


@pytest.mark.parametrize("compression", ["none", "quantized", "meshopt"])
def test_levels_of_detail_belong_to_the_organ_and_stay_out_of_the_scene(compression):
    fine, less, least = (mesh(phantom_labels(), quality).organs for quality in ("fine", "standard", "light"))
    document, binary = parse(to_glb(fine, ORIGIN, compression, [less, least]))
    assert document["scenes"][0]["nodes"] == [0, 1, 2]
    assert "MSFT_lod" in document["extensionsUsed"]
    assert "MSFT_lod" not in document.get("extensionsRequired", [])
    for node in document["nodes"][:3]:
        levels = [node["name"], *(document["nodes"][n]["name"] for n in node["extensions"]["MSFT_lod"]["ids"])]
        assert levels == [node["name"], f"{node['name']}_lod1", f"{node['name']}_lod2"]
        counts = [len(corners(document, binary, name)[2]) for name in levels]
        assert counts == sorted(counts, reverse=True)
        boxes = [np.ptp(corners(document, binary, name)[0], axis=0) for name in levels]
        assert np.allclose(boxes, boxes[0], atol=2e-3)
        assert len(node["extras"]["MSFT_screencoverage"]) == 3
    used = {primitive["material"] for entry in document["meshes"] for primitive in entry["primitives"]}
    assert used == {0, 1, 2}
    assert len(document["materials"]) == 3


def test_the_same_input_makes_the_same_bytes():
    label_map = phantom_labels()
    again = LabelMap(label_map.data.copy(), label_map.geometry)
    assert to_glb(mesh(label_map).organs, ORIGIN) == to_glb(mesh(again).organs, ORIGIN)
