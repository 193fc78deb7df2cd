"""Augmentation changes pictures as bodies and scanners do, and labels go with their organs."""

import numpy as np
import pytest

from training.dataset.augment import AugmentConfig, augment, refill, tone_curve
from training.dataset.cases import Case
from training.dataset.synth_mr import synth_mr

MILD = AugmentConfig(
    tone=0.0, bias_field=0.0, noise=0.0, soften_chance=0, levels_chance=0, filling_chance=0, erase_chance=0
)


def picture() -> tuple[np.ndarray, np.ndarray]:
    """A bright organ in the left half of a grey body."""
    labels = np.zeros((120, 160), dtype=np.uint8)
    labels[30:60, 30:70] = 1
    image = np.where(labels == 1, 220, 90).astype(np.uint8)
    return np.repeat(image[..., None], 3, axis=2), labels


@pytest.mark.parametrize("seed", range(6))
def test_labels_stay_on_their_organ(seed):
    image, labels = picture()
    out, moved_labels = augment(
        np.random.default_rng(seed), image, labels, centre=(60, 80), size=(96, 128), config=MILD
    )
    bright = out[1] > 0.6 * out[1].max()
    assert out.shape == (3, 96, 128)
    assert 2 * (bright & (moved_labels == 1)).sum() / (bright.sum() + (moved_labels == 1).sum()) > 0.93


@pytest.mark.parametrize("seed", range(6))
def test_left_stays_left(seed):
    image, labels = picture()
    _, moved_labels = augment(
        np.random.default_rng(seed), image, labels, centre=(60, 80), size=(120, 160), config=AugmentConfig()
    )
    assert np.argwhere(moved_labels == 1)[:, 1].mean() < 80


def test_everything_stays_between_black_and_white_and_depends_on_the_seed_only():
    image, labels = picture()
    for seed in range(8):
        first, _ = augment(
            np.random.default_rng(seed), image, labels, centre=(60, 80), size=(96, 128), config=AugmentConfig()
        )
        again, _ = augment(
            np.random.default_rng(seed), image, labels, centre=(60, 80), size=(96, 128), config=AugmentConfig()
        )
        assert first.min() >= 0.0
        assert first.max() <= 1.0
        assert np.array_equal(first, again)


def test_black_stays_black():
    assert all(tone_curve(np.random.default_rng(seed), 0.5)[0] == 0.0 for seed in range(20))


def test_another_content_changes_organs_and_nothing_far_from_them():
    image, labels = picture()
    floats = np.asarray(image / 255, dtype=np.float32)
    changed = [refill(np.random.default_rng(seed), floats, labels) for seed in range(10)]
    assert any(not np.allclose(one, floats) for one in changed)
    assert all(np.allclose(one[80:], floats[80:]) for one in changed)


def test_a_rendering_keeps_outlines_and_makes_fat_brighter_than_muscle():
    structures = np.zeros((6, 60, 60), dtype=np.uint8)
    structures[:, 10:50, 10:50] = 80  # muscle
    structures[:, 20:30, 20:30] = 6  # stomach
    hounsfield = np.full(structures.shape, -1000, dtype=np.int16)
    hounsfield[:, 5:55, 5:55] = -100
    hounsfield[:, 10:50, 10:50] = 50
    case = Case("ct", "ct", "volume", "CT", (3.0, 3.0, 3.0), hounsfield, (structures == 6).astype(np.uint8))
    for number in range(4):
        rendered = synth_mr(case, structures, number)
        assert np.array_equal(rendered.labels, case.labels)
        assert rendered.modality == "MR"
        assert np.median(rendered.data[:, 6:9, 6:50]) > np.median(rendered.data[:, 35:45, 15:45])
        assert rendered.data[:, :3].max() < 200
