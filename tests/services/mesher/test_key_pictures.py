"""Key pictures: one for each organ, of the slice on which its area is largest."""

import cv2
import numpy as np

from services.mesher.key_pictures import LONGER_SIDE, key_pictures, key_slices
from shared.artifacts import unpack_pictures
from shared.imaging.phantoms import abdomen
from tests.support.scans import small_grid


def test_key_slices_are_the_first_largest_of_each_label():
    data = np.zeros((4, 3, 3), np.uint8)
    data[1, 0, :2], data[2, 0, :2], data[3, 2, 2] = 7, 7, 255
    assert key_slices(data) == {7: 1, 255: 3}
    assert key_slices(np.zeros((2, 2, 2), np.uint8)) == {}


def test_each_label_has_a_picture_of_its_slice_and_the_same_bytes_each_time():
    phantom = abdomen(small_grid())
    packed = key_pictures(phantom.volume, phantom.labels)
    pictures = unpack_pictures(packed)
    slices = key_slices(phantom.labels.data)
    assert {picture.label: picture.slice for picture in pictures} == slices
    assert {picture.slices for picture in pictures} == {len(phantom.labels.data)}
    shapes = [cv2.imdecode(np.frombuffer(picture.jpeg, np.uint8), cv2.IMREAD_COLOR).shape for picture in pictures]
    assert {max(shape) for shape in shapes} == {LONGER_SIDE}
    assert key_pictures(phantom.volume, phantom.labels) == packed
