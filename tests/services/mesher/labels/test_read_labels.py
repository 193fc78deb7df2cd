"""Label maps from outside keep their ids and names; what is no label map is refused with its reason."""

import io
import json
import shutil
from pathlib import Path

import nibabel as nib
import nrrd
import numpy as np
import pydicom
import pytest

from services.mesher.core import mesh
from services.mesher.labels import read_labels
from services.mesher.labels.names import read_names
from services.mesher.outputs import write_outputs
from services.mesher.provenance import Series
from shared import artifacts
from shared.dicom.identity import complete
from shared.errors import BadScan, CorruptScan, MixedSeries, NotAScan, UnsupportedScan
from shared.imaging.formats import open_scan, read_scan
from shared.imaging.phantoms import abdomen
from shared.imaging.volume import ORGANS, LabelMap
from tests.shared.imaging.test_label_table import TOTALSEGMENTATOR
from tests.support.scans import small_grid, write_dicom, write_png

AFFINE = np.diag([-1.5, 1.5, 3.0, 1.0])
NAMES = {"1": "liver", "2": "Gall bladder", "7": "stomach"}


def balls(*ids):
    """A map (column, row, slice) with one cube per id."""
    data = np.zeros((12, 10, 4 * len(ids)), np.uint8)
    for number, label in enumerate(ids):
        data[2:8, 2:8, 4 * number + 1 : 4 * number + 3] = label
    return data


def save(path, data, table=b"", affine=AFFINE):
    image = nib.Nifti1Image(data, affine)
    if table:
        image.header.extensions.append(nib.nifti1.Nifti1Extension(0, table))
    nib.save(image, path)
    return path


def names(label_map):
    return {organ.id: organ.name for organ in label_map.organs}


def test_ids_of_others_are_not_ours(tmp_path):
    meshed = mesh(read_labels(save(tmp_path / "l.nii.gz", balls(1, 2, 3))), "light")
    assert [organ.name for organ in meshed.organs] == ["label_1", "label_2", "label_3"]
    assert [organ.definition.snomed for organ in meshed.organs] == [None] * 3


def test_a_label_set_may_say_that_they_are(tmp_path):
    meshed = mesh(read_labels(save(tmp_path / "l.nii.gz", balls(1, 2)), ORGANS), "light")
    assert [organ.name for organ in meshed.organs] == ["stomach", "small_bowel", "large_bowel"]


def test_a_label_map_that_the_product_wrote_keeps_its_names(tmp_path):
    artifacts.save_labels(tmp_path / "l.nii.gz", abdomen(small_grid()).labels)
    assert read_labels(tmp_path / "l.nii.gz").organs == ORGANS


@pytest.mark.parametrize("name", ["l.nii", "l.nii.gz"])
@pytest.mark.parametrize("before", [0, 20_000], ids=["alone", "after another extension"])
def test_names_in_a_header_extension_are_kept(tmp_path, name, before):
    image = nib.Nifti1Image(balls(1, 18, 30), AFFINE)
    if before:
        image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"x" * before))
    image.header.extensions.append(nib.nifti1.Nifti1Extension(0, TOTALSEGMENTATOR))
    nib.save(image, tmp_path / name)
    meshed = mesh(read_labels(tmp_path / name), "light")
    assert [organ.name for organ in meshed.organs] == ["spleen", "small_bowel", "label_30"]


def test_segments_of_3d_slicer_are_kept(tmp_path):
    header = {"space": "left-posterior-superior", "space directions": np.diag([1.5, 1.5, 3.0])}
    header |= {"Segment0_LabelValue": "2", "Segment0_Name": "Left kidney", "Segment0_Color": "0.5 0.25 1"}
    header |= {"Segment1_LabelValue": "5", "Segment1_Name": "stomach"}
    nrrd.write(str(tmp_path / "s.seg.nrrd"), balls(2, 5), header)
    kidney, stomach = read_labels(tmp_path / "s.seg.nrrd").organs
    assert (kidney.id, kidney.name, kidney.colour) == (2, "Left_kidney", (128, 64, 255))
    assert (stomach.id, stomach.snomed) == (5, "69695003")


@pytest.mark.parametrize(
    "content",
    [NAMES, {name: int(label) for label, name in NAMES.items()}, {"labels": {"background": 0, "liver": 1}}],
    ids=["id to name", "name to id", "dataset.json of nnU-Net"],
)
def test_names_are_read_from_json(tmp_path, content):
    (tmp_path / "names.json").write_text(json.dumps(content))
    organs = read_names(tmp_path / "names.json")
    assert (organs[0].id, organs[0].name) == (1, "liver")
    assert all(organ.id for organ in organs), "the background is no organ"


@pytest.mark.parametrize("text", ["", "[]", "3", '{"liver": "spleen"}', '{"1": '])
def test_other_json_is_refused(tmp_path, text):
    (tmp_path / "names.json").write_text(text)
    with pytest.raises(UnsupportedScan, match="JSON"):
        read_names(tmp_path / "names.json")


@pytest.mark.parametrize("kind", [np.uint8, np.int16])
@pytest.mark.parametrize("highest", range(1, 61))
def test_values_that_nibabel_scaled_are_the_same_labels(tmp_path, kind, highest):
    data = np.resize(np.arange(highest + 1), (4, 5, 20)).astype(np.float64)
    image = nib.Nifti1Image(data, AFFINE)
    image.set_data_dtype(kind)
    nib.save(image, tmp_path / "l.nii")
    assert (read_labels(tmp_path / "l.nii").data == data.T).all()


def test_plain_floats_close_to_whole_numbers_are_labels(tmp_path):
    data = balls(1, 3).astype(np.float32)
    read = read_labels(save(tmp_path / "l.nii", np.where(data > 0, data - 0.005, 0).astype(np.float32)))
    assert (read.data == data.T).all()


@pytest.mark.parametrize(("value", "reason"), [(0.4, "0.4"), (2.98, "2.98"), (1003, "1003"), (-1, "-1")])
def test_what_is_no_label_is_refused_with_the_value(tmp_path, value, reason):
    data = balls(1, 2).astype(np.float32)
    data[3, 3, 1] = value
    with pytest.raises(UnsupportedScan, match=reason):
        read_labels(save(tmp_path / "l.nii", data))


def test_one_hot_maps_and_scans_are_refused(tmp_path):
    with pytest.raises(UnsupportedScan):
        read_labels(save(tmp_path / "l.nii", np.stack([balls(1, 2)] * 4, -1)))
    folder = write_png(tmp_path / "p", abdomen(small_grid()).volume)
    archive = Path(shutil.make_archive(str(tmp_path / "scan"), "zip", folder))
    with pytest.raises(UnsupportedScan, match="slices of a scan"):
        read_labels(archive)


def test_a_folder_of_masks_is_one_map_with_the_names_of_the_files(tmp_path):
    data = balls(1, 2, 3)
    for number, name in enumerate(("spleen", "stomach", "liver"), start=1):
        save(tmp_path / f"{name}.nii.gz", np.where(data == number, 255 if number == 2 else 1, 0).astype(np.uint8))
    read = read_labels(tmp_path)
    assert names(read) == {1: "liver", 2: "spleen", 3: "stomach"}
    assert read.organs[2].snomed == "69695003"
    assert (read.data == np.array([0, 2, 3, 1], np.uint8)[data].T).all()


def test_where_masks_overlap_the_later_name_counts(tmp_path):
    save(tmp_path / "a.nii", balls(1, 1))
    save(tmp_path / "b.nii", balls(1, 0))
    read = read_labels(tmp_path)
    assert np.count_nonzero(read.data == 1) == np.count_nonzero(read.data == 2)


def test_masks_that_do_not_fit_together_are_refused(tmp_path):
    save(tmp_path / "a.nii", balls(1, 0))
    save(tmp_path / "b.nii", balls(1, 0), affine=np.diag([1.5, 1.5, 3.1, 1.0]))
    with pytest.raises(MixedSeries, match="different grids: number 2"):
        read_labels(tmp_path)
    save(tmp_path / "b.nii", balls(1, 2))
    with pytest.raises(UnsupportedScan, match="number 2"):
        read_labels(tmp_path)


def test_a_folder_without_masks_is_refused(tmp_path):
    (tmp_path / "readme.txt").write_text("no mask")
    with pytest.raises(NotAScan):
        read_labels(tmp_path)


TURNED = np.array([[0, 0, 14.0, 0], [7.0, 0, 0, 0], [0, -6.0, 0, 0], [0, 0, 0, 1.0]])


@pytest.mark.parametrize("affine", [np.diag([7.0, 6.0, 14.0, 1.0]), np.diag([-7.0, 6.0, -14.0, 1.0]), TURNED])
@pytest.mark.parametrize("as_folder", [False, True])
def test_a_dicom_seg_has_its_voxels_at_the_same_places(tmp_path, affine, as_folder):
    folder = write_dicom(tmp_path / "s", abdomen(small_grid(affine)).volume)
    volume = read_scan(folder)
    data = np.zeros(volume.data.shape, np.uint8)
    data[2:6, 5:12, 4:20], data[3:8, 20:30, 8:30] = 1, 3
    files = write_outputs(
        LabelMap(data, volume.geometry), quality="light", series=Series("j", open_scan(folder).origin)
    )
    (tmp_path / "seg").mkdir()
    path = tmp_path / "seg" / "l.dcm"
    path.write_bytes(complete(files["segmentation.dcm"], {}))
    read = read_labels(path.parent if as_folder else path)
    assert [(organ.name, organ.snomed) for organ in read.organs] == [
        ("stomach", "69695003"),
        ("large_bowel", "71854001"),
    ]
    assert not read.data[0].any()
    assert not read.data[-1].any()
    for number, label in ((1, 1), (2, 3)):
        points = read.geometry.to_patient(np.argwhere(read.data == number)[:, ::-1])
        index = np.rint(volume.geometry.to_index(points)).astype(int)
        found = np.zeros(data.shape, bool)
        found[tuple(index[:, ::-1].T)] = True
        assert (found == (data == label)).all()


def test_other_dicom_objects_are_named_in_the_refusal(tmp_path):
    folder = write_dicom(tmp_path / "s", abdomen(small_grid()).volume)
    with pytest.raises(UnsupportedScan, match="MR Image Storage"):
        read_labels(next(folder.iterdir()))
    with pytest.raises(UnsupportedScan, match="DICOM files in the folder"):
        read_labels(folder)


def test_a_damaged_seg_is_refused(tmp_path):
    folder = write_dicom(tmp_path / "s", abdomen(small_grid()).volume)
    dataset = pydicom.dcmread(next(folder.iterdir()))
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = pydicom.uid.SegmentationStorage
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    (tmp_path / "x.dcm").write_bytes(buffer.getvalue())
    with pytest.raises(CorruptScan):
        read_labels(tmp_path / "x.dcm")


def test_real_tables_of_totalsegmentator_name_their_organs(data):
    for path in sorted((data / "ct").glob("*totalseg_v2_labels.nii.gz")):
        read = read_labels(path)
        assert names(read)[1] == "spleen"
        assert names(read)[20] == "colon"
        assert set(np.unique(read.data)) - {0} <= set(names(read))


def test_a_file_cut_short_is_refused(tmp_path):
    path = save(tmp_path / "l.nii", balls(1, 2))
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(BadScan):
        read_labels(path)
