"""Scans are read on their own grid, whatever their container, order and orientation; the rest is refused by code."""

import gzip
import shutil
import struct
import zipfile
import zlib
from pathlib import Path

import cv2
import nibabel as nib
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.uid import JPEG2000Lossless, RLELossless

from shared.errors import (
    BadGeometry,
    BadScan,
    CorruptScan,
    MissingSpacing,
    MixedSeries,
    NotAScan,
    ScanTooLarge,
    TooFewSlices,
    UnsupportedScan,
)
from shared.imaging.formats import Limits, open_scan, read_scan
from shared.imaging.geometry import Geometry
from shared.imaging.phantoms import abdomen
from shared.imaging.volume import Volume
from tests.support.scans import small_grid, write_dicom, write_enhanced, write_nifti, write_png, write_zip


def rotation(seed: int, mirrored: bool) -> np.ndarray:
    rng = np.random.default_rng(seed)
    axes, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    if (np.linalg.det(axes) < 0) != mirrored:
        axes[:, 0] *= -1
    affine = np.eye(4)
    affine[:3, :3] = axes @ np.diag([7.0, 6.5, 12.0])
    return affine


OBLIQUE = [rotation(seed, mirrored) for seed in range(3) for mirrored in (False, True)]


@pytest.fixture(scope="module")
def phantom() -> Volume:
    grid = Geometry.from_spacing((10, 30, 34), (3.0, 8.0, 9.5), directions=(1, 1, -1))
    return abdomen(grid).volume


def same_place(one: Volume, other: Volume) -> bool:
    """Whether both volumes show the same value at the same point of the patient, for every voxel of the first."""
    k, j, i = np.indices(one.data.shape).reshape(3, -1)
    index = other.geometry.to_index(one.geometry.to_patient(np.stack([i, j, k], -1)))
    nearest = np.rint(index).astype(int)
    assert np.abs(index - nearest).max() < 1e-3
    return np.array_equal(one.data[k, j, i], other.data[nearest[:, 2], nearest[:, 1], nearest[:, 0]])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_png_stack_keeps_values_and_lies_left_posterior_feet(tmp_path, phantom, dtype):
    volume = Volume(phantom.data.astype(dtype), phantom.geometry, "MR", "png")
    read = read_scan(write_png(tmp_path / "scans", volume))
    assert read.data.dtype == dtype
    assert np.array_equal(read.data, volume.data)
    assert np.allclose(read.geometry.affine, np.diag([9.5, 8.0, -3.0, 1.0]))
    assert nib.aff2axcodes(read.geometry.ras) == ("L", "P", "I")


def test_png_spacing_can_be_given(tmp_path, phantom):
    read = read_scan(write_png(tmp_path, phantom), spacing=(5.0, 2.0, 1.0))
    assert read.geometry.spacing == (5.0, 2.0, 1.0)


def test_folder_and_zip_read_alike_and_scans_folder_wins(tmp_path, phantom):
    case = tmp_path / "case"
    write_png(case / "scans", phantom)
    write_png(case / "labels", phantom, case="other")
    (case / "scans" / ".DS_Store").write_bytes(b"x")
    archive = write_zip(tmp_path / "scan.bin", case, "case1/")
    with zipfile.ZipFile(archive, "a") as more:
        more.writestr("__MACOSX/case1/._x.png", b"\x89PNG\r\n\x1a\n")
    one, other = read_scan(case), read_scan(archive)
    assert np.array_equal(one.data, other.data)
    assert one.geometry == other.geometry


@pytest.mark.parametrize("affine", OBLIQUE)
def test_nifti_agrees_with_nibabel_in_any_orientation(tmp_path, affine):
    volume = abdomen(small_grid(affine)).volume
    path = write_nifti(tmp_path / "a.nii.gz", volume)
    read, image = read_scan(path), nib.load(path)
    assert np.allclose(read.geometry.ras, image.affine, atol=1e-4)
    assert np.array_equal(read.data.T, np.asarray(image.dataobj))


def test_nifti_scaling_and_not_a_number_are_applied(tmp_path):
    data = np.arange(60, dtype=np.float32).reshape(3, 4, 5)
    data[0, 0, 0] = np.nan
    nib.save(nib.Nifti1Image(data, np.eye(4)), tmp_path / "f.nii")
    read = read_scan(tmp_path / "f.nii")
    assert read.data[0, 0, 0] == 0.0
    image = nib.Nifti1Image(np.arange(60, dtype=np.int16).reshape(3, 4, 5), np.eye(4))
    image.header.set_slope_inter(2.0, -5.0)
    image.to_filename(tmp_path / "s.nii")
    assert np.allclose(read_scan(tmp_path / "s.nii").data.T, nib.load(tmp_path / "s.nii").get_fdata())


def test_sheared_nifti_is_refused(tmp_path):
    affine = np.eye(4)
    affine[0, 2] = 0.3
    nib.save(nib.Nifti1Image(np.zeros((4, 4, 4), np.int16), affine), tmp_path / "a.nii")
    with pytest.raises(BadGeometry):
        read_scan(tmp_path / "a.nii")


@pytest.mark.parametrize("affine", [None, *(a for a in OBLIQUE if np.linalg.det(a) > 0)])
@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", RLELossless, JPEG2000Lossless])
def test_dicom_agrees_with_simpleitk(tmp_path, affine, syntax):
    volume = abdomen(small_grid(affine)).volume
    folder = write_dicom(tmp_path / "d", volume, syntax)
    read = read_scan(folder)
    assert same_place(read, volume)
    if syntax == JPEG2000Lossless:
        return  # the wheel of SimpleITK reads these too, one syntax is proof enough
    files = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
    image = sitk.ReadImage(files)
    direction = np.array(image.GetDirection()).reshape(3, 3) @ np.diag(image.GetSpacing())
    assert np.allclose(read.geometry.affine[:3, :3], direction, atol=1e-3)
    assert np.allclose(read.geometry.affine[:3, 3], image.GetOrigin(), atol=1e-3)
    assert np.array_equal(read.data, sitk.GetArrayFromImage(image))


@pytest.mark.parametrize(
    ("name", "warnings"),
    [("ct/example_ct_dicom", ()), ("dicom/lidc0314_upper_abdomen", ("own_frames_of_reference",))],
)
def test_real_ct_series_agrees_with_simpleitk(data, name, warnings):
    folder = data / name
    read = read_scan(folder)
    assert read.warnings == warnings
    image = sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder)))
    assert np.array_equal(read.data, sitk.GetArrayFromImage(image))
    assert np.allclose(read.geometry.spacing, image.GetSpacing()[::-1], atol=1e-4)
    assert np.allclose(read.geometry.affine[:3, 3], image.GetOrigin(), atol=1e-3)


@pytest.mark.parametrize("mirrored", OBLIQUE)
def test_negative_determinant_dicom_is_sorted_right_handed_and_unmirrored(tmp_path, mirrored):
    volume = abdomen(small_grid(mirrored)).volume
    read = read_scan(write_dicom(tmp_path / "d", volume))
    assert np.linalg.det(read.geometry.affine) > 0
    assert same_place(read, volume)


def test_dicom_rescale_gives_hounsfield_units(tmp_path):
    volume = abdomen(small_grid()).volume
    shifted = Volume(volume.data.astype(np.int16) - 1024, volume.geometry, "CT", "dicom")
    read = read_scan(write_dicom(tmp_path / "i", shifted, modality="CT", intercept=-1024.0))
    assert (read.modality, read.data.dtype) == ("CT", np.int16)
    assert np.array_equal(read.data, shifted.data)
    scaled = read_scan(write_dicom(tmp_path / "f", shifted, modality="CT", slope=0.5, intercept=-1024.0))
    assert np.allclose(scaled.data, shifted.data)


def test_lossy_dicom_is_read_with_a_warning(tmp_path, phantom):
    read = read_scan(write_dicom(tmp_path / "d", phantom, LossyImageCompression="01"))
    assert read.warnings == ("lossy_source",)


def test_reports_beside_the_images_are_passed_over(tmp_path, phantom, data):
    folder = write_dicom(tmp_path / "d", phantom)
    shutil.copy(data / "dicom" / "pydicom-test_files" / "test-SR.dcm", folder)
    (folder / "README.txt").write_text("hello")
    assert read_scan(folder).data.shape == phantom.data.shape


# --- refusals -------------------------------------------------------------------------------------------------


def refuses(path: Path, error: type[BadScan]) -> str:
    with pytest.raises(error) as caught:
        read_scan(path)
    assert caught.value.code == error.code
    sentence = caught.value.detail
    assert sentence.endswith(".")
    assert str(path.parent) not in sentence
    return sentence


def test_nothing_readable_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("no scan")
    refuses(tmp_path, NotAScan)
    refuses(tmp_path / "a.txt", NotAScan)
    (tmp_path / "empty").mkdir()
    refuses(tmp_path / "empty", NotAScan)


def test_a_gap_a_doubled_number_and_other_sizes_are_refused(tmp_path, phantom):
    write_png(tmp_path / "gap", phantom)
    sorted((tmp_path / "gap").iterdir())[4].unlink()
    assert "gap" in refuses(tmp_path / "gap", BadGeometry)
    write_png(tmp_path / "size", phantom)
    victim = sorted((tmp_path / "size").iterdir())[2]
    cv2.imwrite(str(victim), phantom.data[0][:10])
    refuses(tmp_path / "size", BadGeometry)


def test_two_stacks_and_two_series_are_refused_and_counted(tmp_path, phantom):
    write_png(tmp_path / "png" / "a", phantom, case="case1_day0")
    write_png(tmp_path / "png" / "b", phantom, case="case2_day0")
    assert "2 stacks" in refuses(tmp_path / "png", MixedSeries)
    write_dicom(tmp_path / "dcm" / "a", phantom)
    write_dicom(tmp_path / "dcm" / "b", phantom, modality="CT")
    sentence = refuses(tmp_path / "dcm", MixedSeries)
    assert "MR with 10" in sentence
    assert "CT with 10" in sentence


def test_unnamed_slices_need_a_spacing(tmp_path, phantom):
    for k, image in enumerate(phantom.data):
        cv2.imwrite(str(tmp_path / f"image{k:03d}.png"), image)
    refuses(tmp_path, MissingSpacing)
    assert read_scan(tmp_path, spacing=(3.0, 1.0, 1.0)).data.shape == phantom.data.shape


def test_dicom_without_pixel_spacing_or_position_is_refused(tmp_path, phantom):
    refuses(write_dicom(tmp_path / "s", phantom, PixelSpacing=None), MissingSpacing)
    refuses(write_dicom(tmp_path / "p", phantom, ImagePositionPatient=None), BadGeometry)


def test_missing_slice_and_tilt_are_refused(tmp_path, phantom):
    folder = write_dicom(tmp_path / "d", phantom)
    by_position = sorted(folder.iterdir(), key=lambda f: sitk.ReadImage(str(f)).GetOrigin()[2])
    by_position[4].unlink()
    assert "missing" in refuses(folder, BadGeometry)
    sheared = phantom.geometry.affine.copy()
    sheared[1, 2] = 1.0
    tilted = Volume(phantom.data, Geometry(phantom.geometry.shape, sheared), "MR", "dicom")
    assert "tilt" in refuses(write_dicom(tmp_path / "t", tilted), BadGeometry)


def test_one_slice_is_refused(tmp_path, phantom):
    one = Volume(phantom.data[:1], Geometry((1, *phantom.data.shape[1:]), phantom.geometry.affine), "MR", "png")
    refuses(write_png(tmp_path / "p", one), TooFewSlices)
    refuses(write_dicom(tmp_path / "d", one), TooFewSlices)


def test_colour_and_four_dimensions_are_refused(tmp_path, phantom):
    for k in range(4):
        cv2.imwrite(str(tmp_path / f"slice_{k:04d}_8_8_1.50_1.50.png"), np.arange(192, dtype=np.uint8).reshape(8, 8, 3))
    refuses(tmp_path, UnsupportedScan)
    nib.save(nib.Nifti1Image(np.zeros((4, 4, 4, 3), np.int16), np.eye(4)), tmp_path / "t.nii")
    refuses(tmp_path / "t.nii", UnsupportedScan)


@pytest.mark.parametrize("keep", [0.3, 0.7, 0.98])
def test_truncated_files_are_refused(tmp_path, phantom, keep):
    def cut(path: Path) -> Path:
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * keep)])
        return path

    refuses(cut(write_nifti(tmp_path / "a.nii", phantom)), CorruptScan)
    refuses(cut(write_nifti(tmp_path / "a.nii.gz", phantom)), CorruptScan)
    folder = write_dicom(tmp_path / "d", phantom)
    cut(sorted(folder.iterdir())[3])
    with pytest.raises(BadScan):
        read_scan(folder)
    write_png(tmp_path / "p", phantom)
    cut(sorted((tmp_path / "p").iterdir())[3])
    refuses(tmp_path / "p", CorruptScan)


def test_claims_of_gigapixels_are_refused_before_anything_is_allocated(tmp_path):
    header = nib.Nifti1Header()
    header.set_data_shape((4000, 4000, 4000))
    header.set_data_dtype(np.int16)
    (tmp_path / "a.nii").write_bytes(header.binaryblock + b"\0" * 100)
    refuses(tmp_path / "a.nii", ScanTooLarge)
    ihdr = struct.pack(">IIBBBBB", 60000, 60000, 16, 0, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + ihdr + struct.pack(">I", zlib.crc32(b"IHDR" + ihdr))
    for k in range(3):
        (tmp_path / f"slice_{k:04d}_60000_60000_1.50_1.50.png").write_bytes(png)
    (tmp_path / "a.nii").unlink()
    refuses(tmp_path, ScanTooLarge)


def test_zip_that_unpacks_beyond_the_bound_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.nii", b"\0" * 10_000_000)
    with pytest.raises(ScanTooLarge):
        open_scan(tmp_path / "bomb.zip", limits=Limits(inflated_bytes=1_000_000))


def test_gzip_that_holds_more_than_it_says_is_not_inflated(tmp_path):
    image = nib.Nifti1Image(np.ones((4, 4, 4), np.int16), np.eye(4))
    (tmp_path / "b.nii.gz").write_bytes(gzip.compress(image.to_bytes() + b"\0" * 50_000_000))
    assert read_scan(tmp_path / "b.nii.gz").data.sum() == 64


def test_damaged_zip_and_encrypted_member_are_refused(tmp_path, phantom):
    archive = write_zip(tmp_path / "a.zip", write_png(tmp_path / "p", phantom))
    content = bytearray(archive.read_bytes())
    content[60:400] = b"\xff" * 340
    archive.write_bytes(content)
    with pytest.raises(BadScan):
        read_scan(archive)


BAD = {
    "dcm_qa_ct_GE_tilt_varspacing": "bad_geometry",
    "pydicom-test_files/MR_truncated.dcm": "corrupt_scan",
    "pydicom-test_files/ExplVR_LitEndNoMeta.dcm": "not_a_scan",
    "pydicom-test_files/rtstruct.dcm": "not_a_scan",
    "pydicom-test_files/rtplan.dcm": "not_a_scan",
    "pydicom-test_files/rtplan_truncated.dcm": "not_a_scan",
    "pydicom-test_files/test-SR.dcm": "not_a_scan",
    "pydicom-test_files/waveform_ecg.dcm": "not_a_scan",
    "pydicom-test_files/dicomdirtests/DICOMDIR": "not_a_scan",
    "pydicom-test_files/no_meta.dcm": "not_a_scan",
    "pydicom-test_files/badVR.dcm": "corrupt_scan",
    "pydicom-test_files/rtdose.dcm": "unsupported_scan",
    "pydicom-test_files/SC_rgb_jpeg.dcm": "unsupported_scan",
    "pydicom-test_files/CT_small.dcm": "too_few_slices",
    "pydicom-test_files/image_dfl.dcm": "unsupported_scan",
    "pydicom-test_files": "mixed_series",
}


@pytest.mark.parametrize("name", BAD)
def test_real_bad_input_gets_its_code(data, name):
    with pytest.raises(BadScan) as caught:
        read_scan(data / "dicom" / name)
    assert caught.value.code == BAD[name]


@pytest.mark.parametrize("affine", [None, np.diag([-7.0, 6.0, -14.0, 1.0])])
def test_an_enhanced_image_is_the_same_volume_as_its_slices(tmp_path, affine):
    volume = abdomen(small_grid(affine)).volume
    frames = read_scan(write_enhanced(tmp_path / "enhanced", volume))
    slices = read_scan(write_dicom(tmp_path / "slices", volume))
    assert frames.geometry == slices.geometry
    assert (frames.data == slices.data).all()


def test_frames_and_their_descriptions_must_agree(tmp_path):
    path = write_enhanced(tmp_path / "e", abdomen(small_grid()).volume) / "IM0001"
    data = pydicom.dcmread(path)
    del data.PerFrameFunctionalGroupsSequence[0]
    data.save_as(path)
    with pytest.raises(CorruptScan):
        read_scan(path.parent)


@pytest.mark.parametrize("syntax", ["57", "70", "80"])
def test_losslessly_compressed_slices_give_the_same_voxels(tmp_path, syntax):
    volume = abdomen(small_grid()).volume
    folder = write_dicom(tmp_path / "s", volume)
    plain = read_scan(folder)
    for path in folder.iterdir():
        compress(path, f"1.2.840.10008.1.2.4.{syntax}")
    again = read_scan(folder)
    assert (again.data == plain.data).all()
    assert again.warnings == ()


def compress(path, syntax):
    """Compresses a file in place: JPEG-LS by CharLS, JPEG lossless by GDCM's own encoder."""
    import gdcm

    if syntax.endswith(".80"):
        data = pydicom.dcmread(path)
        data.compress(syntax)
        data.save_as(path)
        return
    wanted = {"57": gdcm.TransferSyntax.JPEGLosslessProcess14, "70": gdcm.TransferSyntax.JPEGLosslessProcess14_1}
    reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
    reader.SetFileName(str(path))
    assert reader.Read()
    change.SetTransferSyntax(gdcm.TransferSyntax(wanted[syntax[-2:]]))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer.SetFileName(str(path))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    assert pydicom.dcmread(path).file_meta.TransferSyntaxUID == syntax


@pytest.mark.parametrize("syntax", ["201", "202"])
def test_htj2k_slices_give_the_recorded_voxels(tmp_path, syntax):
    """The codestream was written by OpenJPH, an encoder that has nothing in common with the decoder here."""
    with np.load(Path(__file__).with_name("htj2k.npz")) as recorded:
        codestream, pixels = recorded["codestream"].tobytes(), recorded["pixels"]
    folder = write_dicom(tmp_path / "s", abdomen(small_grid()).volume)
    for path in folder.iterdir():
        data = pydicom.dcmread(path)
        data.PixelRepresentation = 0
        data.PixelData = pydicom.encaps.encapsulate([codestream])
        data["PixelData"].VR = "OB"
        data.file_meta.TransferSyntaxUID = f"1.2.840.10008.1.2.4.{syntax}"
        data.save_as(path)
    assert (read_scan(folder).data == pixels).all()
