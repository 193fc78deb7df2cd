"""What the encoder writes, a decoder written from the specification reads back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from services.mesher.glb.codec import encode_attributes, encode_triangles
from services.mesher.surface.marching_cubes import extract
from tests.services.mesher.glb.reader import decode_attributes, decode_triangles


@settings(deadline=None)
@given(
    arrays.arrays(
        np.uint8,
        st.tuples(st.integers(1, 600), st.sampled_from([4, 8, 12])),
        elements=st.integers(0, 255),
        fill=st.sampled_from([0, 7, 255]),
    )
)
def test_attributes_come_back(data):
    assert (decode_attributes(encode_attributes(data), *data.shape) == data).all()


def test_slowly_changing_attributes_take_half_the_room():
    data = np.cumsum(np.random.default_rng(0).integers(-2, 3, (4096, 4)), axis=0).astype(np.uint8)
    assert len(encode_attributes(data)) < 0.55 * data.size


def canonical(faces):
    first = faces.argmin(axis=1)[:, None]
    turned = np.take_along_axis(faces, (first + np.arange(3)) % 3, axis=1)
    return turned[np.lexsort(turned.T)]


@pytest.mark.parametrize("seed", range(5))
def test_triangles_come_back_with_their_winding_under_new_numbers(seed):
    noise = np.random.default_rng(seed).normal(size=(9, 10, 11)).astype(np.float32)
    vertices, faces = extract(np.pad(noise, 1, constant_values=-1.0))
    encoded = encode_triangles(faces, len(vertices))
    number = np.empty(len(vertices), dtype=np.int64)
    number[encoded.vertices] = np.arange(len(encoded.vertices))
    decoded = decode_triangles(encoded.codes, faces.size).reshape(-1, 3)
    assert (canonical(decoded) == canonical(number[faces])).all()


def test_most_triangles_take_one_byte():
    k, j, i = np.indices((40, 40, 40)) - 19.5
    vertices, faces = extract((15.0 - np.sqrt(i**2 + j**2 + k**2)).astype(np.float32))
    assert len(encode_triangles(faces, len(vertices)).codes) < 1.3 * len(faces)


def test_an_open_surface_is_refused():
    with pytest.raises(ValueError, match="closed"):
        encode_triangles(np.array([[0, 1, 2]], dtype=np.int32), 3)
