"""Contours enclose exactly the pixels of a mask: none lost, none added, holes left out."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from services.mesher.contours import contours


def area(contour):
    """The enclosed area by the shoelace formula; positive if walked clockwise, rows growing downwards."""
    row, column = contour.T
    return float(np.sum(column * np.roll(row, -1) - row * np.roll(column, -1))) / 2.0


def drawn(outlines, shape):
    """The pixels whose centres lie inside, by the even-odd rule: a ray to the left crosses the outline an odd number
    of times.
    """
    inside = np.zeros(shape, int)
    for contour in outlines:
        for (row, column), (to_row, _) in zip(contour, np.roll(contour, -1, axis=0), strict=True):
            low, high = sorted((row, to_row))
            inside[low:high, column:] += 1
    return inside % 2 == 1


def assert_exact(mask):
    outlines = contours(mask)
    assert (drawn(outlines, mask.shape) == mask).all()
    assert sum(area(contour) for contour in outlines) == mask.sum()
    assert len(outlines) == ndimage.label(mask)[1], "one contour per part"
    for contour in outlines:
        step = np.roll(contour, -1, axis=0) - contour
        assert (np.count_nonzero(step, axis=1) == 1).all(), "corners only, joined by straight edges"


@given(arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))))
@settings(max_examples=300, deadline=None)
def test_any_mask_is_enclosed_exactly(mask):
    assert_exact(mask)


@given(st.integers(0, 2**31))
@settings(max_examples=20, deadline=None)
def test_large_parts_with_many_holes_are_enclosed_exactly(seed):
    smooth = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(60, 70)), 1.5)
    assert_exact(smooth > -0.12)


def test_holes_in_holes_and_holes_side_by_side():
    mask = np.zeros((20, 30), bool)
    mask[1:19, 1:29] = True
    mask[3:17, 3:17] = False
    mask[5:15, 5:15] = True
    mask[7:9, 7:9] = mask[7:9, 10:12] = mask[11, 8:12] = False
    mask[4:8, 20:24] = mask[12:16, 18:26] = False
    assert_exact(mask)


def test_without_a_pixel_there_is_no_contour():
    assert contours(np.zeros((3, 4), bool)) == []


def test_one_pixel_has_four_corners():
    mask = np.zeros((5, 6), bool)
    mask[2, 3] = True
    assert contours(mask)[0].tolist() == [[2, 3], [2, 4], [3, 4], [3, 3]]
