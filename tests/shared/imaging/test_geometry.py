"""Geometry agrees with nibabel and never loses a voxel's place in the patient."""

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import BadGeometry
from shared.imaging.geometry import AXIAL, Geometry, to_axial

numbers = st.floats(-400, 400, allow_nan=False)


@st.composite
def oblique(draw: st.DrawFn) -> np.ndarray:
    """Any rotation, spacing and handedness."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = rotation @ np.diag(rng.uniform(0.4, 8.0, 3)) @ np.diag(rng.choice([-1.0, 1.0], 3))
    affine[:3, 3] = [draw(numbers), draw(numbers), draw(numbers)]
    return affine


@given(oblique())
def test_index_and_patient_space_are_each_others_inverse(affine):
    grid = Geometry((4, 5, 6), affine)
    index = np.random.default_rng(0).uniform(-3, 9, (20, 3))
    assert np.allclose(grid.to_index(grid.to_patient(index)), index, atol=1e-6)


@given(oblique())
def test_spacing_and_volume_agree_with_nibabel(affine):
    grid = Geometry((4, 5, 6), affine)
    dz, dy, dx = grid.spacing
    assert np.allclose((dx, dy, dz), nib.affines.voxel_sizes(grid.ras))
    assert np.isclose(grid.voxel_ml, dx * dy * dz / 1000)


@given(oblique())
@settings(max_examples=200)
def test_axial_view_keeps_every_voxel_in_its_place(affine):
    grid = Geometry((3, 4, 5), affine)
    turn = to_axial(grid)
    array = np.arange(60).reshape(3, 4, 5)
    turned = turn.apply(array)
    assert turned.shape == turn.target.shape
    assert np.array_equal(turn.undo(turned), array)
    for k, j, i in [(0, 0, 0), (2, 1, 3), (1, 3, 4)]:
        where = grid.to_patient(np.array([i, j, k]))
        column, row, slice_ = np.rint(turn.target.to_index(where)).astype(int)
        assert turned[slice_, row, column] == array[k, j, i]


@given(oblique())
def test_axial_view_runs_to_left_posterior_and_feet(affine):
    turn = to_axial(Geometry((3, 4, 5), affine))
    assert nib.aff2axcodes(turn.target.ras) == AXIAL


def test_singular_and_infinite_affines_are_refused():
    for bad in (np.zeros((4, 4)), np.full((4, 4), np.nan)):
        with pytest.raises(BadGeometry):
            Geometry((2, 2, 2), bad)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_part_of_a_grid_keeps_every_voxel_where_it_was(axis):
    affine = np.array([[0.0, 1.2, 0.3, 5.0], [0.9, 0.0, 0.1, -7.0], [0.2, -0.1, 3.0, 11.0], [0, 0, 0, 1.0]])
    whole = Geometry((9, 7, 5), affine)
    part = whole.part(axis, 2, 4)
    expected = [9, 7, 5]
    expected[axis] = 2
    assert part.shape == tuple(expected)
    index, moved = np.array([1, 1, 1]), np.array([1, 1, 1])
    moved[2 - axis] += 2
    assert np.allclose(part.to_patient(index), whole.to_patient(moved))
