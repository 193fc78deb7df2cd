"""Fairing takes nothing back but folds."""

import numpy as np

from services.mesher.surface.marching_cubes import extract
from services.mesher.surface.mesh import face_normals
from services.mesher.surface.smooth import _folded
from tests.services.mesher.surface.test_marching_cubes import sphere


def test_vertices_that_turn_a_face_over_are_found_and_no_others():
    vertices, faces = extract(sphere())
    before = vertices.astype(np.float32)
    after = before + np.float32(0.2)

    def turned():
        return faces[np.einsum("ij,ij->i", face_normals(before, faces), face_normals(after, faces)) < 0.0]

    assert _folded(before, after, turned(), 0.1).size == 0
    corner, others = faces[100, 0], faces[100, 1:]
    after[corner] += 3.0 * (after[others].mean(axis=0) - after[corner])
    folded = _folded(before, after, turned(), 0.1)
    assert corner in folded
    assert set(folded) <= set(faces[(faces == corner).any(axis=1)].reshape(-1))
    assert _folded(before, after, turned(), 100.0).size == 0
