"""From file to GLB through every process: on the input's grid, unmirrored, to scale."""

import json

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from shared.imaging.geometry import Geometry
from shared.imaging.phantoms import Phantom, abdomen, default_grid
from shared.imaging.volume import ORGANS, LabelMap
from tests.end_to_end.glb import centre_lps, document, meshes
from tests.support.scans import write_dicom, write_nifti, write_png

FILES = ("model.glb", "labels.nii.gz", "report.json")


def process(client, scan, out, **options):
    out.mkdir(exist_ok=True)
    job = client.submit(scan, **options)
    client.wait(job.id)
    for name in FILES:
        client.download(job.id, name, out / name)
    return json.loads((out / "report.json").read_text())


def turned(axes: list[list[float]]) -> Geometry:
    """The default grid seen along other axes: columns of `axes` are the directions of column, row and slice."""
    plain = default_grid(slices=48, side=128)
    affine = np.eye(4)
    affine[:3, :3] = np.array(axes, float).T * np.array([2.5, 2.5, 4.0])
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(plain.shape[::-1]) - 1) / 2)
    return Geometry(plain.shape, affine)


def rotated(degrees: float, flip: bool) -> Geometry:
    turn = np.deg2rad(degrees)
    c, s = np.cos(turn), np.sin(turn)
    sign = -1.0 if flip else 1.0
    return turned([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, sign]])


GRIDS = {
    "png": lambda: default_grid(slices=48, side=128),
    "nifti, oblique": lambda: rotated(9.0, flip=False),
    "nifti, oblique and left-handed": lambda: rotated(-7.0, flip=True),
    "nifti, to the right": lambda: turned([[-1, 0, 0], [0, 1, 0], [0, 0, 1]]),
    "dicom, oblique": lambda: rotated(6.0, flip=False),
    "dicom, feet first": lambda: rotated(0.0, flip=True),
}


def written(kind: str, phantom: Phantom, folder):
    if kind.startswith("png"):
        return write_png(folder / "scans", phantom.volume)
    if kind.startswith("nifti"):
        return write_nifti(folder / "scan.nii.gz", phantom.volume)
    return write_dicom(folder / "series", phantom.volume)


@pytest.mark.parametrize("kind", GRIDS)
def test_phantom_stays_unmirrored_from_file_to_glb(client, tmp_path, kind):
    phantom = abdomen(GRIDS[kind]())
    spacing = (4.0, 2.0, 2.0) if kind == "png" else (3.0, 1.0, 1.0)
    report = process(client, written(kind, phantom, tmp_path), tmp_path / "out", spacing=spacing)
    assert {organ["name"] for organ in report["organs"] if organ["present"]} == {organ.name for organ in ORGANS}
    labels = nib.load(tmp_path / "out" / "labels.nii.gz")
    found = np.asarray(labels.dataobj)
    assert (found.dtype, sorted(np.unique(found))) == (np.uint8, [0, 1, 2, 3])
    origin = patient_of(kind, phantom, tmp_path, labels)
    for organ in ORGANS:
        truth = np.argwhere(phantom.labels.data == organ.id).mean(axis=0)[::-1]
        assert np.linalg.norm(centre_lps(tmp_path / "out" / "model.glb", organ.name) - origin(truth)) < 25.0
    stomach, bowel = (centre_lps(tmp_path / "out" / "model.glb", name) for name in ("stomach", "small_bowel"))
    assert stomach[0] > bowel[0] + 20, "the stomach lies to the patient's left"
    assert stomach[2] > bowel[2] + 20, "the stomach lies above the bowel"


def patient_of(kind, phantom, folder, labels):
    """Checks the label map's grid against nibabel or SimpleITK; returns index -> patient LPS mm of the true labels."""
    ras_to_lps = np.diag([-1.0, -1.0, 1.0, 1.0])
    if kind.startswith("nifti"):
        source = nib.load(folder / "scan.nii.gz")
        assert labels.shape == source.shape
        assert np.allclose(labels.affine, source.affine, atol=1e-4)
        return phantom.volume.geometry.to_patient
    if kind.startswith("dicom"):
        image = sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder / "series")))
        affine = np.eye(4)
        affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) @ np.diag(image.GetSpacing())
        affine[:3, 3] = image.GetOrigin()
        assert labels.shape == image.GetSize()
        assert np.allclose(ras_to_lps @ labels.affine, affine, atol=1e-3)
        return phantom.volume.geometry.to_patient
    assert np.allclose(labels.affine, np.diag([-2.0, -2.0, -4.0, 1.0]))
    assert nib.aff2axcodes(labels.affine) == ("L", "P", "I")
    return Geometry(phantom.labels.geometry.shape, ras_to_lps @ labels.affine).to_patient


def test_real_mri_gives_all_three_organs_in_their_places(client, tmp_path, data):
    report = process(client, data / "uwm" / "case139_day0" / "scans", tmp_path)
    assert all(organ["present"] and organ["watertight"] for organ in report["organs"])
    assert report["warnings"] == [] or all(w["code"] != "out_of_domain" for w in report["warnings"])
    labels = nib.load(tmp_path / "labels.nii.gz")
    assert labels.shape == (234, 234, 108)
    assert np.allclose(labels.affine, np.diag([-1.5, -1.5, -3.0, 1.0]))
    centres = {name: mesh.center_mass for name, mesh in meshes(tmp_path / "model.glb").items()}
    for bowel in ("small_bowel", "large_bowel"):
        assert centres["stomach"][0] > centres[bowel][0], "left"
        assert centres["stomach"][1] > centres[bowel][1], "above"


@pytest.mark.parametrize("scan", ["ct/example_ct.nii.gz", "ct/example_ct_dicom"])
def test_ct_is_processed_and_said_to_be_out_of_domain(client, tmp_path, data, scan):
    report = process(client, data / scan, tmp_path)
    assert "out_of_domain" in {warning["code"] for warning in report["warnings"]}
    assert document(tmp_path / "model.glb")["asset"]["version"] == "2.0"


def test_empty_scan_succeeds_with_an_empty_glb(client, tmp_path):
    grid = default_grid(slices=8, side=64)
    empty = Phantom(abdomen(grid).volume, LabelMap(np.zeros(grid.shape, np.uint8), grid))
    blank = write_nifti(tmp_path / "a.nii.gz", type(empty.volume)(np.zeros(grid.shape, np.int16), grid, "MR", "nifti"))
    report = process(client, blank, tmp_path / "out")
    assert not any(organ["present"] for organ in report["organs"])
    assert len(report["organs"]) == 3
    assert "meshes" not in document(tmp_path / "out" / "model.glb")


def test_glb_keeps_the_contract(client, tmp_path):
    phantom = abdomen(default_grid(slices=48, side=128))
    process(client, write_nifti(tmp_path / "a.nii.gz", phantom.volume), tmp_path)
    made = document(tmp_path / "model.glb")
    assert "extensionsUsed" not in made
    for node, organ in zip(made["nodes"], ORGANS, strict=True):
        assert node["name"] == organ.name
        assert not {"matrix", "translation", "rotation", "scale"} & set(node)
        assert organ.snomed in json.dumps(node["extras"])
        assert {"volume_ml", "surface_cm2", "watertight", "touches_border"} <= set(node["extras"])
    extras = made["asset"]["extras"]
    assert "not for diagnosis" in json.dumps(extras)
    assert len(extras["models"]) == 2
    corners = np.concatenate([mesh.bounds for mesh in meshes(tmp_path / "model.glb").values()])
    assert np.allclose(corners.min(axis=0) + corners.max(axis=0), 0.0, atol=1e-5), "centred on the origin"
    for organ in ORGANS:
        assert meshes(tmp_path / "model.glb")[organ.name].is_watertight
