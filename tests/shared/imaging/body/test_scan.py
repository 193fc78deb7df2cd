"""The MR-like scan of the body by formula."""

import numpy as np

from shared.imaging.body.scan import scan
from shared.imaging.geometry import Geometry

GRID = Geometry((20, 60, 80), np.array([[4.4, 0, 0, -175], [0, 4.4, 0, -130], [0, 0, -16, 150], [0, 0, 0, 1.0]]))


def test_the_scan_shows_its_label_map_and_is_the_same_for_the_same_seed():
    first, again, other = scan(GRID), scan(GRID), scan(GRID, seed=1)
    np.testing.assert_array_equal(first.volume.data, again.volume.data)
    assert (first.volume.data != other.volume.data).any()
    image, labels = first.volume.data.astype(float), first.labels.data
    assert first.volume.modality == "MR"
    corner, stomach, colon = image[:, :3, :3].mean(), image[labels == 1].mean(), image[labels == 3].mean()
    assert corner < 40.0 < colon < stomach
