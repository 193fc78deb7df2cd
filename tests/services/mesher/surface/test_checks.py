"""Each check fails for the surface that it is there for, and for no sound one."""

from dataclasses import replace

import numpy as np
import pytest

from services.mesher.surface.checks import check
from services.mesher.surface.mesh import measure
from services.mesher.surface.organ import OrganVoxels
from services.mesher.surface.plain import plain_surface
from services.mesher.surface.runs import Layout, encode_runs
from services.mesher.surface.volume import to_single
from tests.services.mesher.shapes import ball, labels


def surface_of(radius):
    layout = Layout.of(labels(ball((40, 40, 40), (19.6, 19.3, 19.7), radius), (2.0, 1.0, 1.0)))
    return plain_surface(OrganVoxels.of(1, encode_runs(layout.data)[1], layout, 0))


def moved(surface, vertices):
    measures = measure(to_single(vertices), surface.mesh.faces)
    return replace(surface, mesh=replace(surface.mesh, vertices=vertices), measures=measures)


def failures(surface):
    checks = check(surface)
    return {name for name in checks.__slots__ if getattr(checks, name) is False}


@pytest.mark.parametrize("radius", [1, 4, 14])
def test_a_plain_surface_passes(radius):
    surface = surface_of(radius)
    assert failures(surface) == set()
    assert check(surface).no_crossings is (True if radius < 5 else None)


@pytest.mark.parametrize("radius", [4, 14])
def test_a_surface_elsewhere_is_neither_in_its_box_nor_near_its_voxels(radius):
    surface = surface_of(radius)
    assert failures(moved(surface, surface.mesh.vertices + np.array([0.0, 9.0, 0.0]))) == {"within_box", "near_voxels"}


@pytest.mark.parametrize("radius", [6, 14])
def test_one_vertex_far_inside_is_found(radius):
    surface = surface_of(radius)
    vertices = surface.mesh.vertices.copy()
    vertices[7] = vertices.mean(axis=0)
    assert "near_voxels" in failures(moved(surface, vertices))


def test_a_small_surface_that_misses_half_of_its_voxels_is_not_near_them():
    whole, half = surface_of(6), surface_of(2)
    assert "near_voxels" in failures(replace(whole, mesh=half.mesh, measures=half.measures))


def test_a_crumpled_surface_has_too_much_area_and_crosses_itself():
    surface = surface_of(4)
    noise = np.random.default_rng(0).normal(0.0, 1.5, surface.mesh.vertices.shape)
    assert {"area_plausible", "no_crossings"} <= failures(moved(surface, surface.mesh.vertices + noise))


def test_a_surface_that_is_known_to_miss_voxels_fails():
    assert failures(replace(surface_of(14), covers_voxels=False)) == {"near_voxels"}
