"""Whatever the label map and its grid: no crash, never an open, tangled or inside-out surface, no volume lost."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from services.mesher.core import mesh
from shared.imaging.geometry import Geometry
from shared.imaging.volume import LabelMap
from tests.support.scans import rotation

shapes = st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9))
ids = st.sampled_from([0, 0, 0, 1, 2, 3, 7, 255])


@st.composite
def affines(draw):
    angles = [draw(st.floats(-3.1, 3.1)) for _ in range(3)]
    spacing = [draw(st.floats(0.05, 12.0)) for _ in range(3)]
    signs = [draw(st.sampled_from([1.0, -1.0])) for _ in range(3)]
    affine = np.eye(4)
    affine[:3, :3] = rotation(angles) @ np.diag(np.array(spacing) * signs)
    affine[:3, 3] = [draw(st.floats(-500.0, 500.0)) for _ in range(3)]
    return affine


@st.composite
def label_maps(draw):
    data = draw(arrays.arrays(np.uint8, shapes, elements=ids))
    order = draw(st.permutations(range(3)))
    strides = draw(st.tuples(*[st.sampled_from([1, -1])] * 3))
    data = data.transpose(order)[tuple(slice(None, None, step) for step in strides)]
    return LabelMap(data, Geometry(data.shape, draw(affines())))


@settings(max_examples=300, deadline=None)
@given(label_maps(), st.sampled_from(["light", "standard", "fine"]))
def test_every_label_gets_a_closed_simple_outward_surface_of_its_volume(label_map, quality):
    meshed = mesh(label_map, quality)
    present = {int(label) for label in np.unique(label_map.data) if label}
    assert {organ.label for organ in meshed.organs if organ.mesh is not None} == present
    for organ in meshed.organs:
        assert organ.mesh is None or (organ.checks is not None and organ.checks.passed), (organ.method, organ.checks)
        assert organ.voxels == (label_map.data == organ.label).sum()


@settings(max_examples=60, deadline=None)
@given(label_maps(), st.floats(0.0, 3.0))
def test_dropping_small_components_loses_no_voxel_from_the_books(label_map, min_component):
    meshed = mesh(label_map, min_component=min_component)
    for organ in meshed.organs:
        kept_and_dropped = organ.volume_voxels_ml + organ.dropped_ml
        assert np.isclose(kept_and_dropped, (label_map.data == organ.label).sum() * label_map.geometry.voxel_ml)
        assert organ.dropped_components <= organ.components
