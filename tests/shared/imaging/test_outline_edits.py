"""Edits of the shape of an organ: what they keep, and that they count in millimetres."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from shared.imaging import edits, outline_edits

maps = arrays(np.uint8, array_shapes(min_dims=3, max_dims=3, max_side=7), elements=st.sampled_from([0, 0, 1, 1, 2]))
spacings = st.tuples(*[st.sampled_from([0.7, 1.5, 3.0])] * 3)
some = settings(max_examples=40, deadline=None)
TOUCH = np.ones((3, 3, 3))


def ellipsoid(shape, spacing, radius):
    """Voxels within `radius` mm of the middle of a grid."""
    places = np.indices(shape) - (np.array(shape)[:, None, None, None] - 1) / 2
    return np.linalg.norm(places * np.array(spacing)[:, None, None, None], axis=0) <= radius


@some
@given(maps, spacings, st.sampled_from([0.5, 2.0]), st.integers(0, 2), st.data())
def test_smoothing_takes_no_other_organ_and_keeps_the_volume_but_for_equal_voxels(labels, spacing, mm, axis, data):
    planes = data.draw(st.none() | st.builds(edits.Planes, st.just(0), st.just(0), st.just(axis)))
    before = labels.copy()
    result = outline_edits.smooth(labels, 1, mm, spacing, planes)
    assert np.array_equal(labels, before)
    assert np.array_equal(result == 2, labels == 2)
    assert (result == 1).any() == (labels == 1).any()
    if planes is not None:
        assert np.array_equal(np.moveaxis(result, axis, 0)[1:], np.moveaxis(labels, axis, 0)[1:])


def test_smoothing_removes_a_spike_and_keeps_a_ball_where_voxels_are_long():
    spacing = (4.0, 1.0, 2.0)
    ball = ellipsoid((13, 45, 23), spacing, 18.0)
    labels = ball.astype(np.uint8)
    labels[6, 22, :3] = 1  # reaches out of the ball by 6 mm, one voxel wide
    result = outline_edits.smooth(labels, 1, 2.0, spacing) == 1
    assert not result[6, 22, 0]
    assert abs(int(result.sum()) - int(ball.sum()) - 3) < 12
    assert (result ^ ball).sum() < 0.04 * ball.sum()


def test_smoothing_counts_in_millimetres():
    labels = np.zeros((9, 9, 9), np.uint8)
    labels[4, 2:7, 2:7] = 1  # one slice
    thick, thin = (outline_edits.smooth(labels, 1, 1.5, (side, 1.0, 1.0)) for side in (8.0, 1.0))
    assert set(np.argwhere(thick)[:, 0]) == {4}
    assert len(set(np.argwhere(thin)[:, 0])) > 1


@some
@given(maps, spacings, st.sampled_from([0.001, 0.01, 0.05]))
def test_islands_below_a_volume_go_and_the_largest_part_stays(labels, spacing, below):
    result = outline_edits.remove_islands(labels, 1, below, spacing)
    parts, count = ndimage.label(labels == 1, TOUCH)
    sizes = np.bincount(parts.ravel())[1:]
    expected = labels.copy()
    for number in range(1, count + 1):
        is_largest = number == sizes.argmax() + 1
        if not is_largest and sizes[number - 1] * np.prod(spacing) / 1000 < below:
            expected[parts == number] = 0
    assert np.array_equal(result, expected)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_interpolation_gives_the_cone_between_two_discs(axis):
    """Between discs of radius 8 and 16 mm the radius grows evenly, in mm, also where pixels are not square."""
    spacing = (3.0, 1.5, 1.0)
    sides = [side for other, side in enumerate(spacing) if other != axis]
    rows, columns = np.indices((41, 41)) - 20
    radius = np.hypot(rows * sides[0], columns * sides[1])
    planes = np.zeros((11, 41, 41), np.uint8)
    planes[1], planes[9] = (radius <= 8), (radius <= 16)
    planes[5, 20, 20] = planes[5, 0, 0] = 1  # a part that the shape meets, and one that it does not
    planes[4, 20, 19:22] = 2
    labels = np.moveaxis(planes, 0, axis).copy()
    at = [tuple(np.insert([20, 20], axis, plane)) for plane in (1, 9)]
    result = np.moveaxis(outline_edits.interpolate(labels, 1, at, spacing, axis), axis, 0)
    for number in range(2, 9):
        shape = result[number].copy()
        assert shape[0, 0] == planes[number, 0, 0]
        shape[0, 0] = 0
        expected = 8 + (number - 1)
        assert np.sqrt(shape.sum() * sides[0] * sides[1] / np.pi) == pytest.approx(expected, abs=0.6)
        assert not (shape == 2).any()
    untouched = [0, 1, 9, 10]
    assert np.array_equal(result[untouched], planes[untouched])


def test_parts_that_are_not_named_stay_and_three_slices_are_joined_pair_by_pair():
    labels = np.zeros((7, 12, 12), np.uint8)
    labels[[0, 2, 6], 1:5, 1:5] = 1
    labels[[0, 6], 8:11, 8:11] = 1
    result = outline_edits.interpolate(labels, 1, [(0, 2, 2), (2, 2, 2), (6, 2, 2), (6, 3, 3)], (2.0, 1.0, 1.0))
    assert (result[:, 1:5, 1:5] == 1).all()
    assert np.array_equal(result[:, 8:, 8:], labels[:, 8:, 8:])


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ([(0, 1, 1), (0, 1, 2)], "two slices"),
        ([(0, 1, 1), (4, 5, 5)], "not in the organ"),
        ([(0, 1, 1), (9, 1, 1)], "not in the organ"),
        ([(0, 1, 1), (4, 8, 8)], "slices 0 and 4 do not overlap"),
    ],
)
def test_parts_that_can_not_be_joined_are_refused(at, said):
    labels = np.zeros((5, 10, 10), np.uint8)
    labels[0, :3, :3] = labels[4, 7:, 7:] = 1
    with pytest.raises(edits.BadEdit, match=said):
        outline_edits.interpolate(labels, 1, at, (1.0, 1.0, 1.0))


@pytest.mark.parametrize("planes", [edits.Planes(-1, 0), edits.Planes(1, 0), edits.Planes(0, 3, 2)])
def test_planes_outside_the_grid_are_refused(planes):
    labels = np.ones((2, 2, 3), np.uint8)
    for act in (
        lambda: edits.fill(labels, 1, planes=planes),
        lambda: outline_edits.smooth(labels, 1, 1, (1,) * 3, planes),
    ):
        with pytest.raises(edits.BadEdit, match="no such slices"):
            act()
