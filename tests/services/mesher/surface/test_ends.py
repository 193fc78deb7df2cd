"""Outlines that end flat are found, rounded ends of organs of every size are not taken for cuts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.mesher.core import mesh
from services.mesher.provenance import Provenance
from services.mesher.report import build_report
from services.mesher.surface.ends import open_ends
from services.mesher.surface.runs import Layout, encode_runs
from shared.imaging.geometry import Geometry
from shared.imaging.volume import LabelMap
from tests.services.mesher.shapes import ball, labels, oblique, organ_of

SHAPE = (40, 60, 60)


def ellipsoid(radii, offset=0.0):
    """Voxels of an ellipsoid (slice, row, column) in the middle of SHAPE, its centre moved by a part of a slice."""
    grid = np.indices(SHAPE).reshape(3, -1).T - (np.array(SHAPE) / 2.0 + [offset, 0.0, 0.0])
    return ((grid / np.array(radii)) ** 2).sum(axis=1).reshape(SHAPE) <= 1.0


def ends_of(label_map):
    """The open ends of label 1."""
    layout = Layout.of(label_map)
    return open_ends(encode_runs(layout.data, map)[1], layout)


@given(st.floats(1.0, 18.0), st.floats(3.0, 28.0), st.floats(3.0, 28.0), st.floats(-0.5, 0.5))
def test_an_ellipsoid_is_whole_whatever_its_size(height, depth, width, offset):
    inside = ellipsoid((height, depth, width), offset)
    if inside.any():
        assert ends_of(labels(inside, (3.0, 1.5, 1.5))).cut == 0.0


@pytest.mark.parametrize("at", [14, 20, 26])
@pytest.mark.parametrize("down", [True, False])
def test_an_ellipsoid_cut_by_a_plane_is_a_part_with_the_area_of_the_cut(at, down):
    inside = ellipsoid((18.0, 25.0, 25.0))
    if down:
        inside[at + 1 :] = False
    else:
        inside[:at] = False
    organ = organ_of(mesh(labels(inside, (3.0, 1.5, 1.5)), "light"), 1)
    assert organ.ends.cut == pytest.approx(np.count_nonzero(inside[at]) * 1.5 * 1.5 / 100.0)
    assert organ.part_seen
    assert "cut_in_scan" in organ.warnings


def test_the_cut_is_found_on_axial_slices_however_the_volume_is_stored():
    inside = ellipsoid((18.0, 25.0, 25.0))
    inside[24:] = False
    area = np.count_nonzero(inside[23]) * 4.0 / 100.0
    affine = np.eye(4) * 2.0
    for order in ((0, 1, 2), (1, 0, 2), (2, 1, 0), (1, 2, 0)):
        data = np.ascontiguousarray(inside.transpose(order)).astype(np.uint8)
        columns = [2 - order[2], 2 - order[1], 2 - order[0]]  # the patient axis of column, row and slice
        turned = np.eye(4)
        turned[:3, :3] = affine[:3, columns]
        assert ends_of(LabelMap(data, Geometry(data.shape, turned))).cut == pytest.approx(area), order


def test_at_the_border_of_the_scan_the_area_is_that_of_the_border():
    data = np.zeros(SHAPE, np.uint8)
    data[30:40, 10:30, 20:50] = 1
    organ = organ_of(mesh(labels(data, (3.0, 1.5, 1.5)), "light"), 1)
    assert organ.touches_border
    assert organ.ends.border == pytest.approx(20 * 30 * 2.25 / 100.0)
    assert organ.part_seen


def test_the_report_says_the_area_and_marks_the_volume():
    data = ball(SHAPE, (20, 30, 30), 16).astype(np.uint8)
    data[22:] = 0
    report = build_report(mesh(LabelMap(data, Geometry(SHAPE, oblique(1))), "light"), Provenance())
    organ = report.organs[0]
    assert organ.part_seen
    warning = next(warning for warning in organ.warnings if warning.code == "cut_in_scan")
    assert f"{organ.cut_cm2:.1f} cm2" in warning.detail
    assert not report.organs[1].part_seen


def test_bowels_whose_outlines_stop_are_parts_and_the_stomach_is_not(data):
    from shared.imaging.formats import read_scan

    volume = read_scan(data / "uwm" / "case139_day0" / "labels", spacing=(3.0, 1.5, 1.5))
    meshed = mesh(LabelMap(volume.data.astype(np.uint8), volume.geometry), "light")
    assert [organ.part_seen for organ in meshed.organs] == [False, True, True]
    assert [round(organ.ends.cut, 1) for organ in meshed.organs] == [0.0, 14.5, 64.6]
