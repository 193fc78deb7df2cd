"""The count of a surface's crossings with itself, which other tests rely on."""

import numpy as np

from services.mesher.core import mesh
from services.mesher.surface.crossings import crossings
from tests.services.mesher.shapes import ball, labels, surface


def two_balls(apart: float) -> tuple[np.ndarray, np.ndarray]:
    one = surface(mesh(labels(ball((24, 24, 24), (12, 12, 12), 8))), 1)
    moved = one.vertices + np.array([apart, 0.3, 0.2])
    return np.concatenate([one.vertices, moved]), np.concatenate([one.faces, one.faces + len(one.vertices)])


def test_a_closed_surface_does_not_cross_itself_nor_another_that_lies_apart():
    assert crossings(*two_balls(apart=20.0)) == 0


def test_two_surfaces_that_overlap_cross_along_a_ring():
    count = crossings(*two_balls(apart=10.0))
    assert count > 30


def test_one_triangle_through_another_counts_once():
    vertices = np.array([[0, 0, 0], [4, 0, 0], [0, 4, 0], [1, 1, -1], [1, 1, 1], [2, 2, 1.0]])
    faces = np.array([[0, 1, 2], [3, 4, 5]])
    assert crossings(vertices, faces) == 1
    assert crossings(vertices + [0, 0, 1.5] * np.array([0, 0, 0, 1, 1, 1])[:, None], faces) == 0
