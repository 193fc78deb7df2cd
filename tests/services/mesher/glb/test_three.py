"""What three.js makes of each kind of GLB: the same surfaces, in the same place, wound the same way."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from services.mesher.core import mesh
from services.mesher.glb import to_glb
from tests.services.mesher.glb.reader import parse
from tests.services.mesher.glb.test_glb import ORIGIN, corners
from tests.services.mesher.shapes import phantom_labels
from tests.support.packages import installed

LOAD = Path(__file__).with_name("load.mjs")


@pytest.fixture(scope="module")
def written():
    """File name to bytes: plain, quantised, compressed, and with levels of detail."""
    fine, less = (mesh(phantom_labels(), quality).organs for quality in ("standard", "light"))
    return {
        "plain": to_glb(fine, ORIGIN),
        "quantized": to_glb(fine, ORIGIN, "quantized"),
        "meshopt": to_glb(fine, ORIGIN, "meshopt"),
        "lod": to_glb(fine, ORIGIN, "meshopt", [less]),
    }


@pytest.fixture(scope="module")
def loaded(written, tmp_path_factory):
    """File name to mesh name to its points (n, 3) and faces (m, 3) in the scene, as three.js has them."""
    sources, program = installed()
    folder = tmp_path_factory.mktemp("glb")
    for name, content in written.items():
        (folder / name).write_bytes(content)
    command = [program, LOAD, sources / "node_modules", *(folder / name for name in written)]
    process = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert process.returncode == 0, process.stderr
    return {
        name: {
            organ: (np.array(entry["points"]), np.array(entry["faces"]).reshape(-1, 3))
            for organ, entry in meshes.items()
        }
        for name, meshes in zip(written, json.loads(process.stdout), strict=True)
    }


@pytest.mark.parametrize("name", ["plain", "quantized", "meshopt", "lod"])
def test_three_js_has_the_plain_files_triangles_within_a_quantisation_step(written, loaded, name):
    document, binary = parse(written["plain"])
    assert list(loaded[name]) == ["stomach", "small_bowel", "large_bowel"]
    for organ, (points, faces) in loaded[name].items():
        truth, _, order = corners(document, binary, organ)
        step = np.ptp(truth, axis=0).max() / 16383.0
        distance, index = cKDTree(truth).query(points)
        assert distance.max() < step
        assert cycles(index[faces]) == cycles(order)


def cycles(faces):
    """Triangles as a set, each begun at its lowest vertex with the winding kept."""
    first = faces.argmin(axis=1)
    turned = np.take_along_axis(faces, (first[:, None] + np.arange(3)) % 3, axis=1)
    return set(map(tuple, turned.tolist()))
