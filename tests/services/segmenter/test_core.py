"""The segmenter labels the kept slices on the scan's own grid, whatever its axes, numbers and pixels."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from services.segmenter.core import APART, _every, _likeliest, segment
from shared.imaging.geometry import Geometry, to_axial
from shared.imaging.volume import SliceScores, Volume
from shared.models.network import load_network
from tests.support.tiny_models import by_brightness

LEVELS = np.array([0, 1000, 2000, 3000])


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return load_network(by_brightness(tmp_path_factory.mktemp("segmenter")))


def blocks(shape: tuple[int, int, int]) -> np.ndarray:
    """Labels of three blocks, none in the mirror image of another."""
    labels = np.zeros(shape, dtype=np.uint8)
    z, y, x = (np.array([0.0, 0.2, 0.4, 0.6, 0.8, 1.0]) * n for n in shape)
    z, y, x = z.astype(int), y.astype(int), x.astype(int)
    labels[z[0] : z[5], y[1] : y[3], x[1] : x[2]] = 1
    labels[z[0] : z[5], y[3] : y[4], x[1] : x[4]] = 2
    labels[z[0] : z[5], y[1] : y[2], x[2] : x[3]] = 3
    return labels


def scan_of(labels: np.ndarray, affine: np.ndarray, kind: type = np.uint16) -> Volume:
    """A scan in which the grey level says the label."""
    return Volume(LEVELS[labels].astype(kind), Geometry(labels.shape, affine), "MR", "nifti")


def every_slice(volume: Volume) -> SliceScores:
    """Scores that keep all slices of the axial view."""
    count = to_axial(volume.geometry).target.shape[0]
    return SliceScores(np.ones((count, 3), dtype=np.float32), np.ones(count, dtype=bool))


def agreement(predicted: np.ndarray, reference: np.ndarray) -> float:
    """The smallest Dice of the three organs."""
    return min(
        2 * ((predicted == o) & (reference == o)).sum() / ((predicted == o).sum() + (reference == o).sum())
        for o in (1, 2, 3)
    )


def test_labels_lie_on_the_pixels_they_came_from(network):
    labels = blocks((8, 128, 160))
    volume = scan_of(labels, np.diag([1.5, 1.5, -3.0, 1.0]))
    predicted = segment(volume, every_slice(volume), network)
    assert np.array_equal(predicted.data, labels)
    assert predicted.geometry == volume.geometry
    assert predicted.warnings == ()


@pytest.mark.parametrize("axes", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, 1), (1, -1, -1), (-1, -1, -1)])
def test_labels_stay_in_place_for_any_order_and_direction_of_axes(network, axes, signs):
    matrix = np.zeros((4, 4))
    matrix[3, 3] = 1.0
    for column, (axis, sign) in enumerate(zip(axes, signs, strict=True)):
        matrix[axis, column] = 1.5 * sign
    turn = to_axial(Geometry((64, 80, 96), matrix))
    labels = turn.undo(blocks(turn.target.shape))
    volume = scan_of(labels, matrix)
    assert np.array_equal(segment(volume, every_slice(volume), network).data, labels)


@pytest.mark.parametrize("pixel", [0.4, 0.78, 1.5, 2.3, 5.0])
def test_labels_fit_at_any_pixel_size(network, pixel):
    side = int(240 / pixel)
    labels = blocks((4, side, side))
    volume = scan_of(labels, np.diag([pixel, pixel, -3.0, 1.0]))
    assert agreement(segment(volume, every_slice(volume), network).data, labels) > (0.93 if pixel < 3 else 0.7)


@pytest.mark.parametrize("kind", [np.uint16, np.int16, np.float32, np.float64])
def test_labels_do_not_depend_on_the_kind_of_number(network, kind):
    labels = blocks((4, 128, 128))
    volume = scan_of(labels, np.diag([1.5, 1.5, -3.0, 1.0]), kind)
    assert np.array_equal(segment(volume, every_slice(volume), network).data, labels)


def test_the_likeliest_organ_is_the_first_of_equals():
    planes = np.random.default_rng(0).integers(0, 4, (3, 40, 50)).astype(np.float32)
    assert np.array_equal(_likeliest(planes), planes.argmax(axis=0) + 1)


def test_slices_that_are_not_kept_are_background(network):
    labels = blocks((8, 128, 128))
    volume = scan_of(labels, np.diag([1.5, 1.5, -3.0, 1.0]))
    keep = np.array([False, False, True, True, True, True, False, False])
    predicted = segment(volume, SliceScores(np.ones((8, 3), dtype=np.float32), keep), network)
    assert np.array_equal(predicted.data.any(axis=(1, 2)), keep)


def test_a_scan_without_kept_slices_is_all_background(network):
    volume = scan_of(blocks((4, 64, 64)), np.diag([1.5, 1.5, -3.0, 1.0]))
    predicted = segment(volume, SliceScores(np.zeros((4, 3), dtype=np.float32), np.zeros(4, dtype=bool)), network)
    assert not predicted.data.any()


def test_ct_is_out_of_domain_for_a_model_that_knows_mr(network):
    data = np.full((3, 64, 64), -1000, dtype=np.int16)
    volume = Volume(data, Geometry(data.shape, np.diag([3.0, 3.0, -3.0, 1.0])), "CT", "dicom")
    assert segment(volume, every_slice(volume), network).warnings == ("out_of_domain",)


def test_progress_ends_at_one_and_what_it_raises_passes_through(network):
    volume = scan_of(blocks((20, 64, 64)), np.diag([1.5, 1.5, -3.0, 1.0]))
    reported: list[float] = []
    segment(volume, every_slice(volume), network, reported.append)
    assert reported[-1] == 1.0
    assert reported == sorted(reported)

    def stop(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        segment(volume, every_slice(volume), network, stop)


class Seen:
    """Early outlines that somebody always looks at."""

    def __init__(self, wanted=True):
        self.parts, self.wanted = [], wanted

    def is_wanted(self):
        return self.wanted

    def show(self, axis, start, labels):
        self.parts.append((axis, start, labels))


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, -1), (1, -1, -1)])
def test_early_outlines_lie_where_the_label_map_has_them(network, order, signs):
    affine = np.eye(4)
    affine[:3, :3] = np.eye(3)[:, order] * np.array(signs) * 1.5
    affine[:3, 3] = (7.0, -20.0, 31.0)
    labels = np.zeros((26, 26, 26), dtype=np.uint8)
    labels[4:24, 3:20, 5:21], labels[5:9, 20:25, 4:8] = 1, 3
    volume, seen = scan_of(labels, affine), Seen()
    final = segment(volume, every_slice(volume), network, early=seen)
    together, covered = np.zeros_like(final.data), np.zeros(final.data.shape, dtype=int)
    for axis, start, part in seen.parts:
        where = tuple(slice(start, start + n) if a == axis else slice(None) for a, n in enumerate(part.data.shape))
        together[where] = part.data
        covered[where] += 1
        assert np.allclose(part.geometry.to_patient([0, 0, 0]), volume.geometry.to_patient(_corner(axis, start)))
    assert len(seen.parts) > 2
    assert covered.min() == covered.max() == 1
    assert np.array_equal(together[final.data > 0], final.data[final.data > 0])


def _corner(axis, start):
    index = [0, 0, 0]
    index[2 - axis] = start
    return index


def test_nothing_is_computed_early_while_nobody_looks(network):
    volume, seen = scan_of(blocks((8, 64, 64)), np.diag([1.5, 1.5, -3.0, 1.0])), Seen(wanted=False)
    segment(volume, every_slice(volume), network, early=seen)
    assert seen.parts == []


def counting(network, slices):
    """The network, which adds to `slices` how many it reads."""
    (fold,) = network.folds

    def read(stacks):
        slices.append(len(stacks))
        return fold(stacks)

    return replace(network, folds=(read,), at_once=1)


@pytest.mark.parametrize(("slice_mm", "share"), [(3.0, 1.0), (1.1, 1.0), (1.0, 0.5), (0.2, 0.1)])
def test_of_thin_slices_only_those_some_millimetres_apart_are_read(network, slice_mm, share):
    count = round(60 / slice_mm)
    labels = np.zeros((count, 96, 96), dtype=np.uint8)
    middle = (np.arange(count) - count / 2) * slice_mm
    y, x = np.mgrid[0:96, 0:96] * 1.5 - 72
    for index, z in enumerate(middle):  # an organ whose outline moves from slice to slice
        labels[index, 80:92, 4:30], labels[index, 4:16, 4:30] = 3, 2  # grey levels are relative to the brightest
        labels[index][(x - 0.4 * z) ** 2 + (y + 0.3 * z) ** 2 < max(0.0, 30.0**2 - z**2)] = 1
    volume = scan_of(labels, np.diag([1.5, 1.5, -slice_mm, 1.0]))
    slices: list[int] = []
    predicted = segment(volume, every_slice(volume), counting(network, slices))
    assert sum(slices) <= share * count + 2
    dice = 2 * ((predicted.data == 1) & (labels == 1)).sum() / ((predicted.data == 1).sum() + (labels == 1).sum())
    assert dice > 0.985


@pytest.mark.parametrize("step", [1, 2, 5])
def test_slices_that_are_read_have_small_gaps_and_the_ends_of_every_run(step):
    chosen = np.array([*range(3, 14), 20, *range(31, 33)])
    read = _every(chosen, step)
    assert set(read) <= set(chosen)
    assert {3, 13, 20, 31, 32} <= set(read)
    for run in (read[read < 15], read[read > 25]):
        assert np.diff(run).max() <= step
    assert _every(chosen[:0], step).size == 0
    if step == 1:
        assert read.tolist() == chosen.tolist()


def test_labels_of_thin_slices_do_not_leak_beyond_what_was_chosen(network):
    volume = scan_of(np.repeat(blocks((1, 64, 64)), 60, axis=0), np.diag([1.5, 1.5, -APART / 4, 1.0]))
    keep = np.zeros(60, dtype=bool)
    keep[[*range(5, 20), *range(40, 51)]] = True
    predicted = segment(volume, SliceScores(np.ones((60, 3), dtype=np.float32), keep), network)
    assert (predicted.data.any(axis=(1, 2)) == keep).all()
