"""Marching cubes by rule: closed, simple and outward whatever the field."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from services.mesher.surface import marching_cubes
from services.mesher.surface.filters import low_pass
from services.mesher.surface.marching_cubes import extract
from services.mesher.surface.marching_cubes_table import triangles
from services.mesher.surface.mesh import VertexCorners, measure, signed_volume
from services.mesher.surface.topology import topology, twins
from services.mesher.surface.volume import keep_volume

fields = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 5)),
    elements=st.sampled_from([-1.0, -0.25, 0.0, 0.25, 1.0]),
)


def sphere(size=40, radius=15.0):
    k, j, i = np.indices((size, size, size)) - (size - 1) / 2.0
    return (radius - np.sqrt(i**2 + j**2 + k**2)).astype(np.float32)


@settings(max_examples=300, deadline=None)
@given(fields)
def test_any_field_gives_a_closed_manifold(values):
    vertices, faces = extract(np.pad(values, 1, constant_values=-1.0))
    if (values > 0).any():
        assert topology(faces, len(vertices)) == (True, True)
        assert signed_volume(vertices.astype(np.float64), faces) > 0
        assert measure(vertices.astype(np.float64), faces).smallest > 0
    else:
        assert len(faces) == 0


@pytest.mark.parametrize("case", range(256))
def test_every_case_is_closed_in_a_cell_of_outside_points(case):
    values = np.full((4, 4, 4), -1.0, dtype=np.float32)
    for corner in range(8):
        if case >> corner & 1:
            values[1 + (corner >> 2 & 1), 1 + (corner >> 1 & 1), 1 + (corner & 1)] = 1.0
    vertices, faces = extract(values)
    assert case == 0 or topology(faces, len(vertices)) == (True, True)


def test_the_table_has_the_known_number_of_triangles():
    table, counts, first = triangles()
    assert table.shape == (820, 3)
    assert counts[0] == counts[255] == 0
    assert counts.max() == 5
    assert (first[1:] == np.cumsum(counts)[:-1]).all()
    assert all(counts[1 << corner] == 1 for corner in range(8))


def test_a_sphere_has_its_volume_and_area():
    vertices, faces = extract(sphere())
    measures = measure(vertices.astype(np.float64), faces)
    assert measures.volume == pytest.approx(4.0 / 3.0 * np.pi * 15.0**3, rel=5e-3)
    assert measures.area == pytest.approx(4.0 * np.pi * 15.0**2, rel=5e-3)


def test_slabs_join_without_a_seam(monkeypatch):
    whole = extract(sphere())
    monkeypatch.setattr(marching_cubes, "_SLAB_POINTS", 1)
    parted = extract(sphere())
    assert topology(parted[1], len(parted[0])) == (True, True)
    assert len(parted[1]) == len(whole[1])
    assert signed_volume(parted[0].astype(float), parted[1]) == pytest.approx(
        signed_volume(whole[0].astype(float), whole[1])
    )


def test_topology_tells_open_tangled_and_sound_surfaces_apart():
    vertices, faces = extract(sphere(12, 4.0))
    count = len(vertices)
    assert topology(faces, count) == (True, True)
    assert topology(faces[1:], count) == (False, False)
    flipped = faces.copy()
    flipped[0] = flipped[0, ::-1]
    assert topology(flipped, count) == (False, False)
    pinched = np.concatenate([faces, faces + np.int32(count)])
    pinched[pinched == count] = 0
    assert topology(pinched, 2 * count) == (True, False)


def test_twins_are_opposite_edges():
    vertices, faces = extract(sphere(12, 4.0))
    twin = twins(faces, VertexCorners.of(faces, len(vertices)))
    start, end = faces.reshape(-1), np.roll(faces, -1, axis=1).reshape(-1)
    assert (start[twin] == end).all()
    assert (end[twin] == start).all()


def test_the_filter_keeps_the_mean_and_damps_the_roughest():
    def gain(frequency):
        return np.polynomial.chebyshev.chebval(1.0 - frequency, low_pass(0.75, 5))

    assert gain(0.0) == pytest.approx(1.0)
    assert abs(gain(0.02) - 1.0) < 0.02
    assert abs(gain(1.5)) < 0.15


def test_the_offset_makes_the_volume_exact_and_obeys_mobility():
    vertices, faces = extract(sphere())
    points = vertices.astype(np.float64)
    mobility = (points[:, :1] > 19.5).astype(np.float64)
    moved, measures = keep_volume(points, faces, 15000.0, mobility)
    assert measures.volume == pytest.approx(15000.0, rel=1e-4)
    assert (moved[mobility[:, 0] == 0] == points[mobility[:, 0] == 0]).all()
