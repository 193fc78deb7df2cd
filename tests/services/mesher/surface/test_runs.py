"""Runs say of a label map what its voxels say, in whatever order they lie in memory."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage

from services.mesher.surface.interpolation import interpolate_slices, thick_axis
from services.mesher.surface.runs import Layout, encode_runs
from shared.imaging.geometry import Geometry
from shared.imaging.volume import LabelMap
from tests.services.mesher.shapes import ball, labels, oblique

maps = arrays.arrays(
    np.uint8,
    st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 20)),
    elements=st.sampled_from([0, 0, 1, 2, 255]),
)


@settings(max_examples=200, deadline=None)
@given(maps)
def test_runs_have_the_voxels_bounds_and_components_of_each_label(data):
    encoded = encode_runs(data)
    assert set(encoded) == {int(label) for label in np.unique(data) if label}
    for label, runs in encoded.items():
        mask = data == label
        low, high = runs.bounds()
        box = ndimage.find_objects(mask.astype(np.uint8))[0]
        assert runs.voxels == mask.sum()
        assert [(s.start, s.stop) for s in box] == list(zip(low[::-1].tolist(), high[::-1].tolist(), strict=True))
        assert (runs.paint(low, high) == mask[box]).all()
        assert runs.components()[0] == ndimage.label(mask, np.ones((3, 3, 3)))[1]


@settings(max_examples=200, deadline=None)
@given(maps)
def test_the_exposed_area_is_that_of_all_faces_between_a_label_and_the_rest(data):
    spacing = np.array([1.0, 2.0, 4.0])  # fast, middle, slow
    for label, runs in encode_runs(data).items():
        padded = np.pad(data == label, 1).astype(np.int8)
        counts = [int((np.diff(padded, axis=axis) != 0).sum()) for axis in (2, 1, 0)]
        assert runs.exposed_area(spacing) == pytest.approx(counts[0] * 8.0 + counts[1] * 4.0 + counts[2] * 2.0)


@settings(max_examples=100, deadline=None)
@given(maps, st.permutations(range(3)), st.tuples(*[st.sampled_from([1, -1])] * 3), st.sampled_from([1, -1]))
def test_memory_order_keeps_every_voxel_in_its_place(data, order, steps, determinant):
    data = data.transpose(order)[tuple(slice(None, None, step) for step in steps)]
    label_map = LabelMap(data, Geometry(data.shape, oblique(determinant)))
    layout = Layout.of(label_map)
    places = []
    for array, matrix, origin in (
        (data, label_map.geometry.affine[:3, :3], label_map.geometry.affine[:3, 3]),
        (layout.data, layout.matrix, layout.origin),
    ):
        slow, middle, fast = np.nonzero(array)
        points = np.stack([fast, middle, slow], axis=1) @ matrix.T + origin
        rows = np.concatenate([points.round(6), array[slow, middle, fast][:, None]], axis=1)
        places.append(rows[np.lexsort(rows.T)])
    assert np.allclose(*places)


def test_a_map_already_in_memory_order_is_not_copied():
    data = np.zeros((4, 5, 6), dtype=np.uint8)
    for seen in (data, data.T, data[::-1]):
        label_map = LabelMap(seen, Geometry.from_spacing(seen.shape, (1.0, 1.0, 1.0)))
        assert np.shares_memory(Layout.of(label_map).data, data)


def test_only_thick_slices_are_parted():
    assert thick_axis(Layout.of(labels(np.zeros((9, 9, 9)), (3.0, 1.5, 1.5)))) is None
    assert thick_axis(Layout.of(labels(np.zeros((9, 9, 9)), (5.0, 1.0, 1.0)))) == (0, 5)
    assert thick_axis(Layout.of(labels(np.zeros((9, 9, 9)), (1.0, 1.0, 4.0)))) == (2, 4)


def test_parted_slices_fill_the_same_space_and_slope_between_outlines():
    data = np.zeros((6, 30, 60), dtype=np.uint8)
    for number in range(6):
        data[number, 5:25, 5 : 15 + 6 * number] = 7
    source = Layout.of(labels(data, (4.0, 1.0, 1.0)))
    thin = interpolate_slices(source, 0, 4, [7])
    assert thin.data.shape == (24, 30, 60)
    assert set(np.unique(thin.data)) == {0, 7}
    assert np.isclose(thin.origin[2], -1.5)
    widths = (thin.data[4:20, 15] == 7).sum(axis=1)
    assert (np.abs(np.diff(widths) - 1.5) <= 0.5).all()
    within = slice(1, 5)
    thick, parted = data[within].astype(bool).sum(), thin.data[4:20].astype(bool).sum() / 4
    assert abs(parted - thick) < 0.02 * thick


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_area_of_a_ball_is_about_right_and_of_a_box_exactly_its_faces(axis):
    box = np.zeros((9, 11, 13), dtype=np.uint8)
    box[2:6, 3:8, 4:10] = 1
    box[2:6, 5, 6] = 0  # a shaft through it
    spacing = np.array([1.0, 2.0, 3.0])
    faces = sum(
        int((np.diff(box.astype(np.int8), axis=a) != 0).sum()) * mm2 for a, mm2 in ((2, 6.0), (1, 3.0), (0, 2.0))
    )
    assert encode_runs(box)[1].area(spacing) == pytest.approx(faces / 1.5)
    round_runs = encode_runs(
        np.ascontiguousarray(np.moveaxis(ball((50, 50, 50), (25, 25, 25), 20), axis, 0).astype(np.uint8))
    )
    assert round_runs[1].area(np.ones(3)) == pytest.approx(4 * np.pi * 20**2, rel=0.03)
