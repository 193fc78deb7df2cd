"""Edits of label maps, compared with the plainest code that does the same."""

from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from shared.imaging import edits

maps = arrays(np.uint8, array_shapes(min_dims=3, max_dims=3, max_side=5), elements=st.sampled_from([0, 0, 1, 2, 255]))
some = settings(max_examples=50, deadline=None)


def neighbours(shape, at, corners, flat):
    for step in product((-1, 0, 1), repeat=3):
        faces = sum(map(abs, step))
        if faces == 0 or (not corners and faces > 1) or (flat and step[0]):
            continue
        there = tuple(index + by for index, by in zip(at, step, strict=True))
        if all(0 <= index < size for index, size in zip(there, shape, strict=True)):
            yield there


def flood(mask, seeds, corners, flat):
    reached, waiting = set(), [seed for seed in seeds if mask[seed]]
    while waiting:
        at = waiting.pop()
        if at not in reached:
            reached.add(at)
            waiting += [there for there in neighbours(mask.shape, at, corners, flat) if mask[there]]
    return reached


def border(shape, flat):
    for at in np.ndindex(shape):
        axes = (1, 2) if flat else (0, 1, 2)
        if any(at[axis] in {0, shape[axis] - 1} for axis in axes):
            yield at


@some
@given(maps, st.data(), st.booleans())
def test_relabel_changes_the_connected_part_and_nothing_else(labels, data, in_slice):
    points = list(zip(*np.nonzero(labels), strict=True))
    assume(points)
    at = tuple(map(int, data.draw(st.sampled_from(points))))
    before = labels.copy()
    result = edits.relabel(labels, at, 7, in_slice=in_slice)
    expected = labels.copy()
    for voxel in flood(labels == labels[at], [at], corners=True, flat=in_slice):
        expected[voxel] = 7
    assert np.array_equal(result, expected)
    assert np.array_equal(labels, before)


@some
@given(maps, st.booleans())
def test_fill_fills_what_a_label_encloses_and_takes_no_other_label(labels, in_slices):
    result = edits.fill(labels, 1, in_slices=in_slices)
    outside = flood(labels != 1, border(labels.shape, in_slices), corners=False, flat=in_slices)
    expected = labels.copy()
    for at in np.ndindex(labels.shape):
        if labels[at] == 0 and at not in outside:
            expected[at] = 1
    assert np.array_equal(result, expected)


@some
@given(maps, st.integers(0, 2), st.data())
def test_fill_in_some_planes_is_fill_in_slices_of_the_turned_map(labels, axis, data):
    first = data.draw(st.integers(0, labels.shape[axis] - 1))
    last = data.draw(st.integers(first, labels.shape[axis] - 1))
    turned = np.moveaxis(labels, axis, 0)
    expected = turned.copy()
    expected[first : last + 1] = edits.fill(turned, 1, in_slices=True)[first : last + 1]
    result = edits.fill(labels, 1, planes=edits.Planes(first, last, axis))
    assert np.array_equal(np.moveaxis(result, axis, 0), expected)


@some
@given(maps, st.data())
def test_erase_removes_one_label_from_some_slices(labels, data):
    first = data.draw(st.integers(0, len(labels) - 1))
    last = data.draw(st.integers(first, len(labels) - 1))
    result = edits.erase(labels, 2, (first, last))
    numbers = np.arange(len(labels))[:, None, None]
    assert np.array_equal(result, np.where((labels == 2) & (numbers >= first) & (numbers <= last), 0, labels))
    assert not (edits.erase(labels, 2) == 2).any()


@some
@given(maps, st.data())
def test_runs_paint_the_voxels_that_they_name(labels, data):
    runs, expected = [], labels.ravel().copy()
    for _ in range(data.draw(st.integers(0, 4))):
        start = data.draw(st.integers(0, labels.size - 1))
        runs.append([start, data.draw(st.integers(1, labels.size - start))])
        expected[start : sum(runs[-1])] = 9
    assert np.array_equal(edits.paint(labels, runs, 9).ravel(), expected)


@some
@given(maps, st.data())
def test_changes_say_how_many_voxels_each_label_gained_and_lost(labels, data):
    after = data.draw(arrays(np.uint8, labels.shape, elements=st.sampled_from([0, 1, 2])))
    counted = edits.changes(labels, after)
    for label, (gained, lost) in counted.items():
        assert gained == ((after == label) & (labels != label)).sum()
        assert lost == ((labels == label) & (after != label)).sum()
    assert set(counted) == set(np.unique(np.concatenate([labels[labels != after], after[labels != after]]))) - {0}


@pytest.mark.parametrize("at", [(0, 0, 2), (-1, 0, 0), (2, 0, 0), (0, 0, 1)])
def test_a_point_outside_or_on_background_is_refused(at):
    labels = np.zeros((2, 2, 2), np.uint8)
    labels[0, 0, 0] = 1
    with pytest.raises(edits.BadEdit):
        edits.relabel(labels, at, 2)


@pytest.mark.parametrize("runs", [[[8, 1]], [[-1, 2]], [[0, 0]], [[0, 9]], [[0, -1]], [[7, 2**62]], [[2**62, 2**62]]])
def test_a_run_outside_the_grid_is_refused(runs):
    with pytest.raises(edits.BadEdit):
        edits.paint(np.zeros((2, 2, 2), np.uint8), runs, 1)


@pytest.mark.parametrize("slices", [(-1, 0), (1, 0), (0, 2)])
def test_slices_outside_the_grid_are_refused(slices):
    with pytest.raises(edits.BadEdit):
        edits.erase(np.zeros((2, 2, 2), np.uint8), 1, slices)
