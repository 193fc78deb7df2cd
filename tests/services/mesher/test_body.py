"""The body by formula as a GLB: organs with their parts, and the page's file, which is what the formula makes."""

import gzip
from itertools import pairwise

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial import cKDTree

from services.mesher.body import FILE, body_glb, scan_nifti
from shared.imaging.body.parts import LANDMARKS, PARTS
from shared.imaging.geometry import Geometry
from shared.imaging.volume import ORGANS
from tests.services.mesher.glb.reader import accessor, parse
from tests.support.bodies import coarse_body


@pytest.fixture(scope="module")
def shipped():
    """The page's file: its JSON and its binary chunk."""
    return parse(FILE.read_bytes())


def tree(document):
    """Names of the roots, with the names of their children."""
    nodes = document["nodes"]
    roots = [nodes[number] for number in document["scenes"][0]["nodes"]]
    return {root["name"]: [nodes[child]["name"] for child in root.get("children", [])] for root in roots}


def places(document, binary, node):
    """Vertices of a node in patient LPS mm."""
    (primitive,) = document["meshes"][node["mesh"]]["primitives"]
    packed = accessor(document, binary, primitive["attributes"]["POSITION"]).astype(float)[:, :3]
    metres = packed * node["scale"] + node["translation"]
    centre = np.array(document["asset"]["extras"]["center_lps_mm"])
    return 1000.0 * np.stack([metres[:, 0], -metres[:, 2], metres[:, 1]], axis=1) + centre


def test_organs_are_nodes_and_their_parts_are_their_children(shipped):
    document, _ = shipped
    parts = {organ.name: [part.name for part in PARTS if part.organ == organ.id] for organ in ORGANS}
    assert tree(document) == parts | {organ.name: [] for organ in LANDMARKS}
    titles = {node["name"]: node["extras"]["title"] for node in document["nodes"]}
    assert titles["caecum"] == "Caecum"
    assert titles["right_colic_flexure"] == "Right colic flexure"


def test_parts_of_one_organ_together_close_its_surface(shipped):
    document, binary = shipped
    nodes = document["nodes"]
    for organ in ORGANS:
        parent = next(node for node in nodes if node["name"] == organ.name)
        corners, faces, seen = [], [], 0
        for child in parent["children"]:
            (primitive,) = document["meshes"][nodes[child]["mesh"]]["primitives"]
            corners.append(places(document, binary, nodes[child]))
            faces.append(accessor(document, binary, primitive["indices"]).reshape(-1, 3).astype(int) + seen)
            seen += len(corners[-1])
        points, triangles = np.concatenate(corners), np.concatenate(faces)
        a, b, c = (points[triangles[:, corner]] for corner in range(3))
        closed = np.abs(np.cross(b - a, c - a).sum(axis=0)).max() / np.linalg.norm(np.cross(b - a, c - a), axis=1).sum()
        assert closed < 1e-4  # the area vectors of a closed surface add up to nothing
        volume = np.einsum("ij,ij->", a, np.cross(b, c)) / 6000.0
        assert volume == pytest.approx(parent["extras"]["volume_ml"], rel=0.01)


def test_the_page_has_what_the_formula_makes(shipped):
    document, binary = shipped
    shape = coarse_body()
    grid, nodes = shape.everything.geometry, document["nodes"]
    for part in PARTS:
        volume = ((shape.parts == part.id) & (shape.labels.data == part.organ)).sum() * grid.voxel_ml
        extras = next(node["extras"] for node in nodes if node["name"] == part.name)
        assert volume == pytest.approx(extras["volume_ml"], rel=0.02, abs=0.4)
    for organ in shape.everything.organs:
        node = next(node for node in nodes if node["name"] == organ.name)
        leaves = [nodes[child] for child in node["children"]] if "children" in node else [node]
        index = grid.to_index(np.concatenate([places(document, binary, leaf) for leaf in leaves]))
        mask = shape.everything.data == organ.id
        border = np.argwhere(mask & ~ndimage.binary_erosion(mask))
        away, _ = cKDTree(border[:, ::-1]).query(index[::4])
        assert np.quantile(away, 0.99) <= 2.0, organ.name  # in voxels of 2 mm


def test_neighbours_are_mutual_and_those_of_an_anatomist(shipped):
    document, _ = shipped
    near = {node["name"]: set(node["extras"]["neighbours"]) for node in document["nodes"] if "mesh" in node}
    for name, others in near.items():
        assert all(name in near[other] for other in others)
    assert {"spleen", "fundus"} & near["left_colic_flexure"]
    assert "right_colic_flexure" in near["liver"]
    assert "duodenum" in near["pancreas"]
    assert "pylorus" in near["duodenum"]
    assert "ileum" in near["caecum"]
    assert "rectum" not in near["liver"]


def test_the_colour_of_a_part_is_a_shade_of_its_organs_and_differs_from_the_next_parts(shipped):
    document, _ = shipped
    colour = {
        material["name"]: np.array(material["pbrMetallicRoughness"]["baseColorFactor"])
        for material in document["materials"]
    }
    for first, second in pairwise(PARTS):
        if first.organ == second.organ:
            assert np.abs(colour[first.name] - colour[second.name]).max() > 0.02


def test_a_coarse_body_has_the_same_tree_and_fewer_triangles(shipped):
    document, _ = parse(body_glb(4.0, "light"))
    assert tree(document) == tree(shipped[0])
    assert sum(item["count"] for item in document["accessors"]) < sum(item["count"] for item in shipped[0]["accessors"])


def test_the_scan_of_the_body_is_a_nifti_file_on_its_grid():
    grid = Geometry((12, 40, 50), np.array([[7.0, 0, 0, -175], [0, 6.5, 0, -130], [0, 0, -25, 150], [0, 0, 0, 1]]))
    image = nib.Nifti1Image.from_bytes(gzip.decompress(scan_nifti(grid)))
    assert image.shape == (50, 40, 12)
    assert nib.aff2axcodes(image.affine) == ("L", "P", "I")
    np.testing.assert_allclose(image.affine, grid.ras)
