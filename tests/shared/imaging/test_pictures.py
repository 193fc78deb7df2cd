"""Slices as pictures: windowed, in the radiological view, with outlines."""

import cv2
import numpy as np
import pytest

from shared.imaging.phantoms import abdomen
from shared.imaging.pictures import slice_jpeg, slice_png
from shared.imaging.volume import ORGANS, Organ
from tests.support.scans import small_grid


@pytest.fixture
def phantom():
    return abdomen(small_grid())


def test_outlines_have_the_colours_of_the_labels_that_the_model_names(phantom):
    spleen = Organ(2, "spleen", "Spleen", "78961009", (1, 200, 30))
    number = int((phantom.labels.data == 2).sum(axis=(1, 2)).argmax())
    pixels, labels = phantom.volume.data[number], (phantom.labels.data[number] == 2).astype(np.uint8) * 2
    png = slice_png(pixels, phantom.volume.geometry.affine, modality="MR", labels=labels, organs=(spleen,))
    drawn = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]
    assert (drawn == np.array(spleen.colour)).all(axis=-1).sum() > 10


@pytest.mark.parametrize("flips", [(1, 1), (-1, 1), (1, -1), (-1, -1)])
@pytest.mark.parametrize("transposed", [False, True])
def test_the_patients_left_is_on_the_right_and_the_back_below_however_the_scan_is_stored(flips, transposed):
    """A bright spot at the patient's left front must be at the picture's upper right."""
    pixels = np.zeros((40, 60), np.int16)
    pixels[5:9, 50:54] = 1000
    affine = np.diag([2.0, 2.0, 3.0, 1.0])  # columns to the left, rows to the back
    if transposed:
        pixels, affine = pixels.T, affine[:, [1, 0, 2, 3]]
    affine[:, 0] *= flips[0]
    affine[:, 1] *= flips[1]
    pixels = pixels[:: flips[1], :: flips[0]]
    shown = cv2.imdecode(np.frombuffer(slice_png(pixels, affine, modality="MR"), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert shown.shape == (40, 60)
    row, column = np.argwhere(shown > 128).mean(axis=0)
    assert row < 12
    assert column > 46


def test_upright_slices_show_the_head_above_and_square_millimetres():
    pixels = np.zeros((20, 60), np.int16)
    pixels[15:18, 50:54] = 1000  # rows run to the head: near the head, at the patient's left
    affine = np.zeros((4, 4))
    affine[0, 0], affine[2, 1], affine[1, 2], affine[3, 3] = 1.5, 4.5, 1.5, 1.0
    shown = cv2.imdecode(np.frombuffer(slice_png(pixels, affine, modality="CT"), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert shown.shape == (60, 60)
    row, column = np.argwhere(shown > 250).mean(axis=0)
    assert row < 15
    assert column > 46


def test_flat_slices_and_windows_give_pictures():
    flat = np.full((8, 8), 7, np.uint16)
    for window in (None, (7.0, 0.1)):
        assert slice_png(flat, np.eye(4), modality="MR", window=window)[:4] == b"\x89PNG"


def test_a_picture_has_bounds_whatever_the_pixels_measure():
    pixels = np.arange(200 * 200, dtype=np.int16).reshape(200, 200)
    labels = (pixels > 20000).astype(np.uint8)
    affine = np.diag([0.02, 40.0, 8.0, 1.0])
    data = slice_png(pixels, affine, modality="MR", labels=labels)
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert max(image.shape) == 2048
    wide = np.zeros((3, 9000), np.int16)
    data = slice_png(wide, np.diag([1.0, 1.0, 8.0, 1.0]), modality="CT", labels=wide.astype(np.uint8))
    assert max(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape) <= 2048


def test_a_jpeg_has_the_size_that_is_asked_for_and_outlines_of_full_colour():
    pixels, labels = np.zeros((20, 40), np.int16), np.zeros((20, 40), np.uint8)
    labels[5:15, 10:30] = 1
    data = slice_jpeg(pixels, np.diag([1.0, 1.0, 3.0, 1.0]), modality="CT", labels=labels, organs=ORGANS, longer=300)
    drawn = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1].astype(int)
    assert drawn.shape == (150, 300, 3)
    outlined = np.abs(drawn - ORGANS[0].colour).max(axis=2) < 40
    assert outlined.sum() > 2 * (150 + 75), "two pixels wide around 150 x 75"
