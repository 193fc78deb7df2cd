"""The body by formula: right sides, right order, sizes of real organs, and loops that do not cross."""

import numpy as np
import pytest
from scipy import ndimage

from bench.cases import case139, outlines
from shared.imaging.body import loops
from shared.imaging.body.anatomy import colon
from shared.imaging.body.curves import STEP
from shared.imaging.body.parts import LANDMARKS, PART_ID, PARTS
from shared.imaging.volume import LARGE_BOWEL, ORGANS, SMALL_BOWEL, STOMACH
from tests.support.bodies import coarse_body

RANGES = {
    STOMACH.id: ((117, 929), (54, 144), (92, 190), (88, 188)),
    SMALL_BOWEL.id: ((72, 868), (54, 213), (56, 165), (159, 327)),
    LARGE_BOWEL.id: ((43, 1285), (90, 264), (88, 166), (120, 384)),
}
"""Least and greatest mL, and mm from head to feet, front to back and side to side, of the organs of 35 outlined MR
scans (UW-Madison GI tract; the file `train_masks.csv` and case 139)."""
WHOLE = ((334, 2727), (96, 264), (100, 198), (171, 387))


def sizes(mask, geometry):
    """Volume in mL and extents in mm (head to feet, front to back, side to side) of a mask."""
    extents = []
    for axis, spacing in enumerate(geometry.spacing):
        others = tuple(other for other in range(3) if other != axis)
        inside = np.flatnonzero(mask.any(axis=others))
        extents.append((inside[-1] - inside[0] + 1) * spacing)
    return (mask.sum() * geometry.voxel_ml, *extents)


def middle(mask):
    """The centre of mass of a mask, LPS mm."""
    slice_, row, column = (index.mean() for index in np.nonzero(mask))
    return coarse_body().labels.geometry.to_patient(np.array([column, row, slice_]))


def part(name):
    shape = coarse_body()
    return (shape.parts == PART_ID[name]) & (shape.labels.data > 0)


def landmark(name):
    return coarse_body().everything.data == next(organ.id for organ in LANDMARKS if organ.name == name)


@pytest.mark.parametrize("organ", ORGANS, ids=lambda organ: organ.name)
def test_each_organ_has_the_volume_and_the_silhouette_of_real_ones(organ):
    labels = coarse_body().labels
    for value, (low, high) in zip(sizes(labels.data == organ.id, labels.geometry), RANGES[organ.id], strict=True):
        assert low <= value <= high


def test_all_organs_together_have_the_silhouette_of_real_ones():
    labels = coarse_body().labels
    for value, (low, high) in zip(sizes(labels.data > 0, labels.geometry), WHOLE, strict=True):
        assert low <= value <= high


def test_the_ranges_are_those_of_the_outlined_scans(data):
    found = {label: [] for label in (*RANGES, 0)}
    for labels in (*(labels for _, labels in outlines(data)), case139(data)):
        for label, rows in found.items():
            mask = labels.data == label if label else labels.data > 0
            rows.append(sizes(mask, labels.geometry))
    for label, ranges in {**RANGES, 0: WHOLE}.items():
        rows = np.array(found[label])
        assert len(rows) == 35
        np.testing.assert_allclose(np.stack([rows.min(axis=0), rows.max(axis=0)], axis=1), ranges, atol=1.0)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (lambda: coarse_body().labels.data == STOMACH.id, lambda: landmark("liver")),
        (lambda: landmark("spleen"), lambda: landmark("liver")),
        (lambda: part("descending_colon"), lambda: part("ascending_colon")),
        (lambda: part("left_colic_flexure"), lambda: part("right_colic_flexure")),
        (lambda: part("sigmoid_colon"), lambda: part("caecum")),
        (lambda: part("jejunum"), lambda: part("ileum")),
        (lambda: part("fundus"), lambda: part("pylorus")),
        (lambda: landmark("kidney_left"), lambda: landmark("kidney_right")),
    ],
    ids=["stomach", "spleen", "colon", "flexures", "sigmoid", "small bowel", "J of the stomach", "kidneys"],
)
def test_what_is_left_in_a_patient_is_left_of_what_is_right(left, right):
    assert middle(left())[0] > 5.0 + middle(right())[0]


@pytest.mark.parametrize("name", ["caecum", "appendix", "ascending_colon", "right_colic_flexure", "duodenum"])
def test_parts_of_the_right_side_are_right_of_the_midline(name):
    assert middle(part(name))[0] < -10.0


@pytest.mark.parametrize("name", ["fundus", "body_of_stomach", "left_colic_flexure", "descending_colon"])
def test_parts_of_the_left_side_are_left_of_the_midline(name):
    assert middle(part(name))[0] > 10.0


def test_organs_lie_one_above_the_other_and_the_rectum_lies_behind():
    stomach, small = (middle(coarse_body().labels.data == organ.id)[2] for organ in (STOMACH, SMALL_BOWEL))
    assert middle(part("fundus"))[2] > middle(part("antrum"))[2] + 40.0
    assert stomach > small > middle(part("rectum"))[2]
    assert middle(part("left_colic_flexure"))[2] > middle(part("right_colic_flexure"))[2]
    assert middle(part("transverse_colon"))[1] < middle(part("descending_colon"))[1] < middle(part("rectum"))[1]


def test_each_organ_and_each_landmark_is_one_piece_and_all_parts_are_there():
    shape = coarse_body()
    for organ in shape.everything.organs:
        _, pieces = ndimage.label(shape.everything.data == organ.id, np.ones((3, 3, 3)))
        assert (organ.name, pieces) == (organ.name, 1)
    assert set(np.unique(shape.parts[shape.labels.data > 0])) == {each.id for each in PARTS}


def test_parts_follow_one_another_as_the_gut_does():
    organs = {each.id: each.organ for each in PARTS}
    pairs = [(a.id, b.id) for a in PARTS for b in PARTS if a.organ == b.organ and b.id == a.id + 1]
    pairs.remove((PART_ID["caecum"], PART_ID["appendix"]))
    pairs.remove((PART_ID["appendix"], PART_ID["ascending_colon"]))
    pairs += [(PART_ID["caecum"], PART_ID["appendix"]), (PART_ID["caecum"], PART_ID["ascending_colon"])]
    shape = coarse_body()
    parts = np.where(shape.labels.data > 0, shape.parts, 0)
    for first, second in pairs:
        grown = ndimage.binary_dilation(parts == first, np.ones((3, 3, 3)))
        assert (grown & (parts == second)).any()
        assert organs[first] == organs[second]


def test_loops_of_bowel_neither_cross_nor_leave_the_room_of_the_colon():
    line = loops.bowel_loops()
    points, radii = line.points[::4], line.radii[::4]
    apart = np.linalg.norm(points[:, None] - points, axis=2)
    along = 4 * STEP * np.abs(np.arange(len(points))[:, None] - np.arange(len(points)))
    far = along > 60.0
    assert (apart[far] > 0.85 * (radii[:, None] + radii)[far]).all()
    large = coarse_body().labels.data == LARGE_BOWEL.id
    assert points[:, 0].min() > middle(part("ascending_colon"))[0]
    assert points[:, 0].max() < middle(part("descending_colon"))[0]
    index = np.rint(coarse_body().labels.geometry.to_index(points[:-6])).astype(int)
    assert not large[index[:, 2], index[:, 1], index[:, 0]].any()


def test_growth_is_the_same_where_sums_differ_in_their_last_bits(monkeypatch):
    line = loops.grown(nodes=90)
    monkeypatch.setattr(
        loops, "_distances", lambda points, others: np.linalg.norm(points[:, None] - others, axis=2) + 1e-9
    )
    np.testing.assert_array_equal(loops.grown(nodes=90), line)


def radii_of(name, angle):
    """Distances in mm from the colon's centre line to its wall at an angle, every `STEP` mm along a part."""
    line, labels = colon(), coarse_body().labels
    at = np.flatnonzero(line.parts == PART_ID[name])
    across = np.cross(line.tangents[at], line.sides[at])
    direction = np.cos(angle) * line.sides[at] + np.sin(angle) * across
    steps = np.arange(0.0, 32.0, 0.5)
    points = line.points[at][:, None] + steps[:, None] * direction[:, None]
    index = np.rint(labels.geometry.to_index(points)).astype(int)
    inside = labels.data[index[..., 2], index[..., 1], index[..., 0]] == LARGE_BOWEL.id
    return steps[np.argmin(inside, axis=1)]


def test_haustra_come_every_three_centimetres_and_the_rectum_has_none():
    wall = radii_of("transverse_colon", -2.0 * np.pi / 3.0)  # in the middle between two taeniae
    smooth = ndimage.gaussian_filter1d(wall, 3.0)
    sacs = np.flatnonzero((smooth[1:-1] > smooth[:-2]) & (smooth[1:-1] >= smooth[2:]))
    assert 24.0 <= np.diff(sacs).mean() * STEP <= 36.0
    assert np.ptp(wall[10:-10]) > 4.0
    rectum = radii_of("rectum", -2.0 * np.pi / 3.0)
    assert np.abs(np.diff(ndimage.gaussian_filter1d(rectum[:-8], 2.0), n=2)).max() < 0.4
