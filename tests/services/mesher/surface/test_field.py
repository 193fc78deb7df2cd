"""How widely a label is blurred, and how a softer one gives way."""

import numpy as np
import pytest

from services.mesher.surface.field import Lattice, blur_scale, build_field
from services.mesher.surface.runs import Layout, encode_runs
from shared.imaging.geometry import Geometry
from shared.imaging.volume import LabelMap

MM = np.array([1.5, 1.5, 3.0])


def runs_of(mask, label=1):
    data = mask.astype(np.uint8) * label
    return encode_runs(Layout.of(LabelMap(data, Geometry.from_spacing(data.shape, tuple(MM[::-1])))).data)[label]


def grid(shape):
    return np.indices(shape).astype(float) * MM[::-1, None, None, None]


def ball(radius_mm, size=60):
    k, j, i = grid((size // 2, size, size))
    return (k - 45) ** 2 + (j - 45) ** 2 + (i - 45) ** 2 < radius_mm**2


def tube(radius_mm, size=80):
    """Four parallel runs of one tube, joined: folded as bowel is."""
    k, j, i = grid((size // 4, size, 2 * size))
    near = np.min([(j - c) ** 2 + (k - 30) ** 2 for c in (15, 40, 65, 90)], axis=0) < radius_mm**2
    return near | ((k > 25) & (k < 35) & (j > 15) & (j < 90) & (i < 6))


@pytest.mark.parametrize(("mask", "least", "most"), [(ball(40), 1.6, 1.6), (ball(12), 1.0, 1.0), (tube(11), 1.0, 1.0)])
def test_only_compact_and_thick_organs_are_blurred_more_widely(mask, least, most):
    assert least <= blur_scale(runs_of(mask), MM) <= most


def test_blur_scale_does_not_depend_on_the_unit_of_length():
    runs = runs_of(ball(28))
    assert 1.0 < blur_scale(runs, MM) < 1.6
    assert blur_scale(runs, MM) == pytest.approx(blur_scale(runs, 10 * MM))


def test_a_softer_organ_gives_way_where_it_sinks_into_its_neighbour():
    whole = ball(40)
    left = whole & (np.arange(60) < 30)
    soft, hard = (
        build_field(runs_of(mask), Lattice.of(MM, 2.0, softer)) for mask, softer in ((whole, 1.6), (left, 1.0))
    )
    before = soft.levels.copy()
    soft.resolve_overlap(hard)
    assert (soft.levels <= before).all()
    edge = np.array([[22.0, 30.0, 15.0]])  # well inside both
    assert soft.interpolate(edge, -9.0) < 0.0 < hard.interpolate(edge, -9.0)
    assert soft.interpolate(np.array([[38.0, 30.0, 15.0]]), -9.0) > 0.0


def test_fields_far_apart_leave_each_other_alone():
    near, far = ball(12), np.roll(ball(12), 30, axis=2)
    first, second = (build_field(runs_of(mask), Lattice.of(MM, 2.0)) for mask in (near, far))
    before = first.levels.copy()
    first.resolve_overlap(second)
    assert np.array_equal(first.levels, before)
