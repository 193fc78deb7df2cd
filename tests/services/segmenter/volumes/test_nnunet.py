"""Labels are those of nnU-Net's own command on scans that it has recorded (training/nnunet/cases.py makes them)."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from services.segmenter.volumes.core import label_images
from services.segmenter.volumes.grid import exact_spacing
from shared.imaging.formats import read_scan
from shared.imaging.geometry import to_axial
from shared.imaging.volume_input import VolumeInput
from shared.models.network import load_network

RECORDED = Path(__file__).parents[2] / "recorded" / "nnunet"
CASES = {
    "CT": "nearly isotropic, two folds, clipped to the training's percentiles",
    "MR": "thick slices across the second axis, axes transposed, cropped, z-score in the mask",
    "Regions": "two channels, z-score and range, regions with an order",
    "Pair": "planes, a residual encoder, left and right, never mirrored",
}


@pytest.mark.parametrize("mode", ["plain", "mirrored"])
@pytest.mark.parametrize("case", CASES)
def test_labels_equal_those_of_nnunet(case, mode):
    network = load_network(RECORDED / case, threads=1)
    assert isinstance(network.card.input, VolumeInput)
    spec = network.card.input.model_copy(update={"mirroring": mode == "mirrored"})
    answers = sorted((RECORDED / case / mode).glob("*.nii.gz"))
    assert len(answers) == 2
    for answer in answers if mode == "plain" else answers[1:]:  # mirrored copies take eight times as long
        name = answer.name.removesuffix(".nii.gz")
        scans = [read_scan(path) for path in sorted((RECORDED / case / "scans").glob(f"{name}_*.nii.gz"))]
        expected = read_scan(answer)
        assert expected.geometry == scans[0].geometry
        labels = label_images([scan.data for scan in scans], scans[0].geometry.spacing, network, spec)
        foreground = int((expected.data > 0).sum())
        assert len(np.unique(expected.data)) >= 3
        assert foreground > 1000
        # nnU-Net adds the folds' results in half precision, one after another; here their mean is added.
        assert int((labels != expected.data).sum()) <= max(3, foreground // 1000)


@pytest.mark.parametrize("path", sorted(RECORDED.glob("*/scans/*_0000.nii.gz")), ids=lambda path: path.parts[-3])
def test_axes_and_voxel_sizes_are_those_of_nnunets_reader(path):
    scan, image = read_scan(path), SimpleITK.ReadImage(path)
    assert exact_spacing(scan.geometry.spacing) == image.GetSpacing()[::-1]
    assert np.array_equal(scan.data, SimpleITK.GetArrayFromImage(image))
    turned = SimpleITK.DICOMOrient(image, "RAS")  # SimpleITKIOWithReorient
    assert np.array_equal(
        to_axial(scan.geometry, ("R", "A", "S")).apply(scan.data), SimpleITK.GetArrayFromImage(turned)
    )


def test_mirroring_changes_some_labels():
    """Otherwise the comparison with nnU-Net would not show whether mirroring works."""
    for case in ("CT", "MR", "Regions"):
        name = sorted((RECORDED / case / "plain").glob("*.nii.gz"))[0].name
        plain, mirrored = (read_scan(RECORDED / case / mode / name).data for mode in ("plain", "mirrored"))
        assert (plain != mirrored).sum() > 10
