"""Sources of different kinds become cases of the same form."""

import cv2
import numpy as np
import pytest

from shared.imaging.input_spec import InputSpec
from training.dataset.cases import IGNORE, as_scan, load_case, patient_of, save_case
from training.dataset.gather import phantoms
from training.dataset.prepare import competition, decode_labels, figure_slices, labelled_slices, read_outlines, shapes
from training.dataset.rle import encode


@pytest.fixture
def folder(tmp_path):
    """Two scans of 3 slices, 5 x 4 pixels, one of them outlined; organs overlap on its second slice."""
    rows = ["id,class,segmentation"]
    for number in (1, 2, 3):
        codes = {
            "large_bowel": "1 2" if number == 2 else "",
            "small_bowel": "2 2" if number == 2 else "",
            "stomach": "",
        }
        rows += [f"case7_day3_slice_{number:04d},{organ},{code}" for organ, code in codes.items()]
    (tmp_path / "train.csv").write_text("\n".join(rows) + "\n")
    for scan in ("case7_day3", "case8_day0"):
        scans = tmp_path / "train" / scan.split("_")[0] / scan / "scans"
        scans.mkdir(parents=True)
        for number in (1, 2, 3):
            image = np.full((4, 5), 1000 * number, dtype=np.uint16)
            cv2.imwrite(str(scans / f"slice_{number:04d}_5_4_1.63_1.50.png"), image)
    return tmp_path


def test_the_competition_layout_gives_volumes_in_slice_order(folder):
    codes = read_outlines(folder / "train.csv")
    outlined, unknown = list(competition(folder / "train", codes))
    assert (outlined.name, outlined.patient, outlined.kind) == ("case7_day3", "case7", "volume")
    assert outlined.data.dtype == np.uint16
    assert outlined.data[:, 0, 0].tolist() == [1000, 2000, 3000]
    assert outlined.spacing == (3.0, 1.5, 1.63)
    assert outlined.labels[1, 0].tolist() == [3, 3, 2, 0, 0]
    assert not outlined.labels[[0, 2]].any()
    assert unknown.kind == "unlabelled"
    assert (unknown.labels == IGNORE).all()


def test_where_outlines_overlap_the_higher_label_wins():
    labels = decode_labels({"stomach": "1 4", "small_bowel": "2 2", "large_bowel": "3 1"}, rows=1, columns=5)
    assert labels.tolist() == [[1, 2, 3, 1, 0]]


def test_outlines_without_images_are_shapes(folder):
    (shape,) = shapes(read_outlines(folder / "train.csv"), sizes={3: ((4, 5),)})
    assert shape.kind == "shape"
    assert shape.labels.shape == (3, 4, 5)


def test_the_width_of_outlines_is_the_one_at_which_they_hang_together(tmp_path):
    disc = np.hypot(*np.mgrid[-15:15, -20:20]) < 10
    codes = {("case1_day0", 1): {"stomach": encode(disc)}}
    (shape,) = shapes(codes, sizes={1: ((30, 37), (30, 40), (30, 44))})
    assert np.array_equal(shape.labels[0] == 1, disc)


def test_labelled_slices_get_their_pixel_size_from_the_field_of_view(tmp_path):
    for part, value in (("images", 90), ("labels", 2)):
        (tmp_path / part).mkdir()
        for name in ("case1_day0_slice_0001", "case2_day0_slice_0001"):
            cv2.imwrite(str(tmp_path / part / f"{name}.png"), np.full((10, 10), value, dtype=np.uint8))
    one, two = labelled_slices(tmp_path, {"": (20.0, 20.0), "case2": (30.0, 40.0)})
    assert one.spacing == (3.0, 2.0, 2.0)
    assert two.spacing == (3.0, 3.0, 4.0)
    assert (two.labels == 2).all()


def test_slices_of_figures_belong_to_the_patient_of_their_group(tmp_path):
    rows = ["name,group,case,matched_case,spacing_mm"]
    rows += ["a_0,a,,case5_day0_slice_0007,1.63", "a_1,a,,,1.5", "b_0,b,case5_day9_slice_0003,,1.5", "c_0,c,,,1.5"]
    (tmp_path / "index.csv").write_text("\n".join(rows) + "\n")
    for part, value in (("images", 90), ("labels", IGNORE)):
        (tmp_path / part).mkdir()
        for name in ("a_0", "a_1", "b_0", "c_0"):
            cv2.imwrite(str(tmp_path / part / f"{name}.png"), np.full((6, 8), value, dtype=np.uint8))
    cases = list(figure_slices(tmp_path))
    assert [case.patient for case in cases] == ["case5", "case5", "case5", "c"]
    assert [case.spacing for case in cases] == [(3.0, 1.63, 1.63)] + 3 * [(3.0, 1.5, 1.5)]
    assert all(case.outlined and case.data.shape == (1, 6, 8) for case in cases)
    assert (cases[0].labels == IGNORE).all()


def test_a_case_survives_the_way_to_the_disk_and_back(tmp_path):
    case = next(phantoms(1))
    save_case(case, tmp_path)
    back = load_case(tmp_path / f"{case.name}.npz")
    assert (back.name, back.patient, back.kind, back.modality, back.spacing) == (
        case.name,
        case.patient,
        case.kind,
        case.modality,
        case.spacing,
    )
    assert np.array_equal(back.data, case.data)
    assert np.array_equal(back.labels, case.labels)


def test_a_scan_is_on_the_network_s_pixels_and_knows_its_neighbours():
    case = next(phantoms(1))
    scan = as_scan(case, InputSpec())
    assert scan.image.shape == scan.labels.shape
    assert scan.image.shape[1] == round(case.data.shape[1] * case.spacing[1] / 1.5)
    assert set(np.unique(scan.labels)) == {0, 1, 2, 3}
    assert scan.neighbours(0) == (0, 0, 1)
    assert scan.neighbours(5) == (4, 5, 6)
    assert as_scan(case, InputSpec(channels=1)).neighbours(5) == (5, 5, 5)


def test_the_patient_is_the_beginning_of_a_name():
    assert patient_of("case7_day3_slice_0001") == "case7"
