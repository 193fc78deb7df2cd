"""Several NIfTI files named as channels are one scan on one grid; other collections of files are refused."""

import zipfile

import numpy as np
import pytest

from shared import artifacts, sandbox
from shared.errors import BadGeometry, MixedSeries, ScanTooLarge
from shared.imaging.formats import Limits, open_scan, read_scan
from shared.imaging.geometry import Geometry
from shared.imaging.volume import Volume
from tests.support.scans import rotation, write_nifti

AFFINE = np.eye(4)
AFFINE[:3, :3] = rotation((0.2, -0.1, 0.3)) @ np.diag([2.0, 1.5, 3.0])
GRID = Geometry((5, 7, 6), AFFINE)


def images(folder, names, grid=GRID, dtypes=(np.int16, np.float32, np.uint8)):
    """One file per name, all different; in the order of the names."""
    folder.mkdir(exist_ok=True)
    written = []
    for number, name in enumerate(names):
        data = np.random.default_rng(number).integers(0, 200, grid.shape).astype(dtypes[number % len(dtypes)])
        (folder / name).parent.mkdir(exist_ok=True)
        write_nifti(folder / name, Volume(data, grid, "MR", "nifti"))
        written.append(data)
    return written


@pytest.mark.parametrize("names", [["a_0000.nii.gz", "a_0001.nii.gz", "a_0002.nii.gz"], ["x/_0000.nii", "x/_0001.nii"]])
@pytest.mark.parametrize("how", ["folder", "zip", "sandbox"])
def test_files_named_as_channels_are_one_scan_in_their_order(tmp_path, names, how):
    expected = images(tmp_path / "scan", names)
    path = tmp_path / "scan"
    if how == "zip":
        path = tmp_path / "scan.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name in reversed(names):
                archive.write(tmp_path / "scan" / name, name)
    volume = sandbox.decode(path, modality="MR") if how == "sandbox" else read_scan(path, modality="MR")
    assert len(volume.images) == len(names)
    for image, data in zip(volume.images, expected, strict=True):
        assert np.array_equal(image, data)
    assert np.allclose(volume.geometry.affine, GRID.affine, atol=1e-4)
    assert sandbox.inspect(path).channels == len(names)


def test_a_stored_volume_has_all_its_images(tmp_path):
    data = images(tmp_path, ["a_0000.nii", "a_0001.nii", "a_0002.nii"])
    volume = read_scan(tmp_path, modality="MR")
    artifacts.save_volume(tmp_path / "volume.npz", volume)
    loaded = artifacts.load_volume(tmp_path / "volume.npz")
    assert [image.dtype for image in loaded.images] == [image.dtype for image in volume.images]
    assert all(np.array_equal(*pair) for pair in zip(loaded.images, data, strict=True))
    artifacts.release_pages(loaded)
    assert np.array_equal(loaded.further[1], data[2])


@pytest.mark.parametrize(
    "names",
    [
        ["a_0000.nii", "a_0002.nii"],
        ["a_0001.nii", "a_0002.nii"],
        ["a.nii", "b.nii"],
        ["a_0000.nii", "b_0001.nii"],
        ["a_0000.nii", "a_0001.nii", "outlines.nii"],
        [f"a_{number:04d}.nii" for number in range(17)],
    ],
)
def test_other_collections_of_images_are_refused(tmp_path, names):
    images(tmp_path, names)
    with pytest.raises(MixedSeries):
        open_scan(tmp_path)


def test_images_on_different_grids_are_refused(tmp_path):
    images(tmp_path, ["a_0000.nii"])
    other = GRID.affine.copy()
    other[0, 3] += 1.0
    images(tmp_path, ["a_0001.nii"], Geometry(GRID.shape, other))
    with pytest.raises(BadGeometry, match="not on one grid"):
        open_scan(tmp_path)


def test_all_images_count_for_the_limit(tmp_path):
    images(tmp_path, ["a_0000.nii", "a_0001.nii"])
    limit = int(np.prod(GRID.shape))
    with pytest.raises(ScanTooLarge):
        open_scan(tmp_path, limits=Limits(voxels=limit))
    assert open_scan(tmp_path, limits=Limits(voxels=2 * limit)).channels == 2
