"""Surfaces of a few voxels stay at their voxels, whatever the arrangement, the grid and the quality."""

import numpy as np
import pytest
from hypothesis import given, settings

from services.mesher.core import mesh
from services.mesher.surface.smooth import _covers
from shared.imaging.geometry import Geometry
from shared.imaging.volume import LabelMap
from tests.services.mesher.shapes import ball, labels, organ_of
from tests.services.mesher.surface.small_maps import maps, outside_bounds

QUALITIES = ["light", "standard", "fine"]
CORNER = [(60, 60, 5), (61, 60, 5), (61, 61, 5)]


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_voxels_around_a_corner_do_not_become_a_surface_of_centimetres(quality, count):
    data = np.zeros((12, 120, 120), dtype=np.uint8)
    for column, row, number in CORNER[:count]:
        data[number, row, column] = 1
    label_map = LabelMap(data, Geometry.from_spacing(data.shape, (3.0, 1.5, 1.5)))
    organ = organ_of(mesh(label_map, quality), 1)
    assert organ.checks.passed
    assert organ.checks.no_crossings is True
    assert not outside_bounds(organ.mesh, data == 1, label_map.geometry)
    assert organ.volume_mesh_ml == pytest.approx(count * 0.00675, rel=5e-3)
    assert (np.ptp(organ.mesh.vertices, axis=0) < [4.6, 4.6, 6.1]).all()


def hold(label_map, quality):
    for organ in mesh(label_map, quality).organs:
        if organ.mesh is not None:
            assert organ.checks.passed, (organ.method, organ.checks)
            assert not outside_bounds(organ.mesh, label_map.data == organ.label, label_map.geometry), organ.method


@settings(max_examples=670, deadline=None)
@given(maps)
def test_small_odd_maps_stay_within_their_bounds_light(label_map):
    hold(label_map, "light")


@settings(max_examples=670, deadline=None)
@given(maps)
def test_small_odd_maps_stay_within_their_bounds_standard(label_map):
    hold(label_map, "standard")


@settings(max_examples=670, deadline=None)
@given(maps)
def test_small_odd_maps_stay_within_their_bounds_fine(label_map):
    hold(label_map, "fine")


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (3.0, 1.5, 1.5)])
def test_a_ball_of_radius_8_is_smooth_and_within_a_seventh_of_a_voxel_of_the_sphere(quality, spacing):
    grid = (np.indices((30, 30, 30)).reshape(3, -1).T - [14.6, 14.3, 14.7]) * spacing
    voxel = float(np.cbrt(np.prod(spacing)))
    inside = ((grid**2).sum(axis=1) <= (8.0 * voxel) ** 2).reshape(30, 30, 30)
    organ = organ_of(mesh(labels(inside, spacing), quality), 1)
    assert organ.method == "field"
    centre = (np.array([14.6, 14.3, 14.7]) * spacing)[::-1]
    error = np.linalg.norm(organ.mesh.vertices - centre, axis=1) - 8.0 * voxel
    assert np.abs(error).mean() < 0.15 * voxel


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize("radius", [1.5, 2.0, 3.0, 5.0])
def test_small_balls_keep_a_smooth_surface(quality, radius):
    organ = organ_of(mesh(labels(ball((16, 16, 16), (7.6, 7.3, 7.7), radius)), quality), 1)
    assert organ.method == "field"
    assert "fallback" not in organ.warnings


def test_a_sheet_that_the_lattice_loses_gets_its_plain_surface():
    data = np.zeros((40, 90, 90), dtype=np.uint8)
    data[20, 5:85, 5:85] = 1
    data[2:38, 40:50, 40:50] = 1
    organ = organ_of(mesh(labels(data, (0.5, 1.0, 1.0)), "light"), 1)
    assert organ.checks.passed
    assert np.allclose(np.ptp(organ.mesh.vertices, axis=0), [80.0, 80.0, 18.0], atol=2.0)


def test_a_field_that_lacks_a_part_of_its_organ_does_not_cover_it():
    from services.mesher.surface.field import Lattice, build_field
    from services.mesher.surface.runs import Layout, encode_runs
    from services.mesher.surface.sampling import SamplingSource

    part = ball((40, 40, 80), (20, 20, 20), 12)
    whole = part | ball((40, 40, 80), (20, 20, 55), 9)
    layout = Layout.of(labels(whole))
    runs, some = encode_runs(layout.data), encode_runs(part.astype(np.uint8))
    source = SamplingSource.of(layout, runs)
    lattice = Lattice.of(layout.spacing, 1.5)
    assert _covers(runs[1], source, build_field(runs[1], lattice))
    assert not _covers(runs[1], source, build_field(some[1], lattice))
