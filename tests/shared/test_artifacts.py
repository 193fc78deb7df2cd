"""What a stage leaves, the next one finds unchanged; label maps are readable by nibabel on the scan's grid."""

import gzip

import nibabel as nib
import numpy as np
import pytest

from shared import artifacts
from shared.errors import UnsupportedScan
from shared.imaging.geometry import Geometry
from shared.imaging.label_table import from_xml, label_set, named
from shared.imaging.phantoms import abdomen
from shared.imaging.volume import LabelMap, SliceScores, Volume
from tests.support.scans import small_grid, write_png


def test_volume_comes_back(tmp_path):
    phantom = abdomen(small_grid()).volume
    volume = Volume(phantom.data, phantom.geometry, "CT", "dicom", ("lossy_source",))
    artifacts.save_volume(tmp_path / "v", volume)
    back = artifacts.load_volume(tmp_path / "v")
    assert np.array_equal(back.data, volume.data)
    assert back.geometry == volume.geometry
    assert (back.modality, back.source, back.warnings) == ("CT", "dicom", ("lossy_source",))


def test_scores_come_back(tmp_path):
    scores = SliceScores(np.random.default_rng(0).random((5, 3), dtype=np.float32), np.array([1, 0, 1, 1, 0], bool))
    artifacts.save_scores(tmp_path / "s", scores)
    back = artifacts.load_scores(tmp_path / "s")
    assert np.array_equal(back.scores, scores.scores)
    assert np.array_equal(back.keep, scores.keep)


def test_label_map_is_uint8_nifti_on_the_grid_and_always_the_same_bytes(tmp_path):
    rng = np.random.default_rng(1)
    axes, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = axes * [1.5, 2.0, 3.0], [10, -20, 30]
    labels = LabelMap(rng.integers(0, 4, (4, 5, 6), dtype=np.uint8), Geometry((4, 5, 6), affine))
    artifacts.save_labels(tmp_path / "a.nii.gz", labels)
    artifacts.save_labels(tmp_path / "b.nii.gz", labels)
    image = nib.load(tmp_path / "a.nii.gz")
    assert image.get_data_dtype() == np.uint8
    assert image.header.get_xyzt_units()[0] == "mm"
    assert np.array_equal(np.asarray(image.dataobj).T, labels.data)
    assert np.allclose(image.get_sform(), labels.geometry.ras, atol=1e-5)
    assert np.allclose(image.get_qform(), labels.geometry.ras, atol=1e-4)
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()
    back = artifacts.load_labels(tmp_path / "a.nii.gz")
    assert np.array_equal(back.data, labels.data)
    assert back.geometry == labels.geometry


@pytest.mark.parametrize("values", [[0.5, 1.0], [-1, 2], [0, 300]])
def test_what_is_no_label_map_is_refused(tmp_path, values):
    data = np.resize(np.array(values), (4, 4, 4)).astype(np.float32)
    nib.save(nib.Nifti1Image(data, np.eye(4)), tmp_path / "a.nii")
    with pytest.raises(UnsupportedScan):
        artifacts.load_labels(tmp_path / "a.nii")


def test_png_stack_is_no_label_map(tmp_path):
    with pytest.raises(UnsupportedScan):
        artifacts.load_labels(write_png(tmp_path / "p", abdomen(small_grid()).volume))


def test_a_loaded_volume_is_mapped_and_can_drop_its_pages(tmp_path):
    volume = abdomen(small_grid()).volume
    for number, data in enumerate((volume.data, np.asfortranarray(volume.data))):
        path = tmp_path / f"{number}.npz"
        artifacts.save_volume(path, Volume(data, volume.geometry, "MR", "png"))
        back = artifacts.load_volume(path)
        assert isinstance(back.data, np.memmap)
        artifacts.release_pages(back)
        assert np.array_equal(back.data, volume.data)
    artifacts.release_pages(volume)  # nothing to drop is no error


def test_labels_are_written_with_the_bytes_that_nibabel_writes(tmp_path):
    phantom = abdomen(small_grid()).labels
    artifacts.save_labels(tmp_path / "l.nii.gz", phantom)
    raw = gzip.decompress((tmp_path / "l.nii.gz").read_bytes())
    header = nib.Nifti1Header()
    header.set_data_dtype(np.uint8)
    header.set_xyzt_units("mm")
    image = nib.Nifti1Image(phantom.data.T, phantom.geometry.ras, header)
    image.set_sform(phantom.geometry.ras, code=1)
    image.set_qform(phantom.geometry.ras, code=1)
    image.header["descrip"] = b"Viscera labels: 1=stomach 2=small_bowel 3=large_bowel"
    assert raw == image.to_bytes()


def test_many_names_are_written_to_a_header_extension(tmp_path):
    phantom = abdomen(small_grid()).labels
    organs = label_set({label: named(label, f"vertebra_{label}") for label in range(1, 26)})
    artifacts.save_labels(tmp_path / "l.nii.gz", LabelMap(phantom.data, phantom.geometry, organs=organs))
    image = nib.load(tmp_path / "l.nii.gz")
    assert from_xml(image.header.extensions[0].content) == organs
    assert np.array_equal(np.asarray(image.dataobj).T, phantom.data)
    assert np.array_equal(artifacts.load_labels(tmp_path / "l.nii.gz").data, phantom.data)
