"""Corrected label maps are read, checked and written in the sandbox."""

import nibabel as nib
import numpy as np
import pytest

from shared import artifacts, errors, sandbox
from shared.imaging.geometry import Geometry
from shared.imaging.volume import ORGANS, LabelMap
from shared.sandbox import correction

SHAPE = (6, 8, 10)
GRID = Geometry.from_spacing(SHAPE, (3.0, 1.5, 1.5), (1, -1, 1))
POINT = [4, 3, 2]
"""Column, row, slice of a voxel of the first organ."""


def organ():
    data = np.zeros(SHAPE, np.uint8)
    data[1:4, 2:6, 3:7] = 1
    return data


@pytest.fixture
def base(tmp_path):
    return packed(tmp_path / "base.nii.gz", organ())


def packed(path, data, grid=GRID):
    artifacts.save_labels(path, LabelMap(np.asarray(data, np.uint8), grid))
    return path


def nifti(path, data, affine=GRID.ras):
    """A label map as another program writes it: any type, stored (column, row, slice)."""
    nib.save(nib.Nifti1Image(data.T, affine, dtype=data.dtype), path)
    return path


def correct(base, upload=None, edits=()):
    """Run the child's code in this process, and return what changed and the corrected map."""
    out = base.with_name("out.nii.gz")
    arguments = {
        "files": [[str(base), None]], "path": upload and str(upload), "out": str(out), "edits": list(edits),
        "organs": [(o.id, o.name, o.title, o.snomed, list(o.colour)) for o in ORGANS],
    }  # fmt: skip
    changed = correction.correct(lambda _: None, lambda _: None, 0, arguments)["changed"]
    return changed, artifacts.load_labels(out)


def test_the_child_corrects_by_an_upload_and_by_edits(tmp_path, base):
    out, upload = tmp_path / "out.nii.gz", packed(tmp_path / "upload.nii.gz", organ() * 2)
    assert sandbox.correct(base, out, ORGANS, upload=upload) == {"1": (0, 48), "2": (48, 0)}
    by_upload = out.read_bytes()
    assert np.array_equal(artifacts.load_labels(out).data, organ() * 2)
    edit = {"kind": "relabel", "at": POINT, "label": 2, "in_slice": False}
    assert sandbox.correct(base, out, ORGANS, edits=[edit]) == {"1": (0, 48), "2": (48, 0)}
    assert out.read_bytes() == by_upload
    shapes = [
        {"kind": "erase", "label": 1, "slices": [2, 2]},
        {"kind": "interpolate", "label": 1, "at": [[4, 3, 1], [4, 3, 3]], "axis": "slice"},
        {"kind": "smooth", "label": 1, "mm": 0.1, "slices": None, "axis": "slice"},
        {"kind": "islands", "label": 1, "below_ml": 9.0},
    ]
    assert sandbox.correct(base, out, ORGANS, edits=shapes) == {}
    with pytest.raises(errors.Unprocessable) as refused:
        sandbox.correct(base, out, ORGANS, upload=packed(upload, organ() * 9))
    assert refused.value.code == "unknown_labels"


@pytest.mark.parametrize("kind", [np.int16, np.float32, np.float64, np.int64])
def test_a_map_that_another_program_wrote_is_read(tmp_path, base, kind):
    affine = GRID.ras.copy()
    affine[:3] += 1e-4
    _, corrected = correct(base, nifti(tmp_path / "upload.nii", (organ() * 3).astype(kind), affine))
    assert np.array_equal(corrected.data, organ() * 3)
    assert corrected.geometry == GRID


def moved(by):
    affine = GRID.ras.copy()
    affine[0, 3] += by
    return affine


REFUSED = {
    "another shape": (lambda path: packed(path, organ()[:, :, 1:], Geometry((6, 8, 9), GRID.affine)), "wrong_grid"),
    "moved": (lambda path: nifti(path, organ(), moved(0.1)), "wrong_grid"),
    "mirrored": (lambda path: nifti(path, organ(), np.diag([-1.0, 1, 1, 1]) @ GRID.ras), "wrong_grid"),
    "one slice": (lambda path: nifti(path, organ()[:1]), "too_few_slices"),
    "two volumes": (lambda path: nifti(path, np.stack([organ()] * 2)), "unsupported_scan"),
    "unknown ids": (lambda path: packed(path, organ() * 7), "unknown_labels"),
    "parts": (lambda path: nifti(path, organ() * np.float32(0.5)), "bad_labels"),
    "negative": (lambda path: nifti(path, -organ().astype(np.int16)), "bad_labels"),
    "large": (lambda path: nifti(path, organ().astype(np.int16) * 300), "bad_labels"),
    "no scan": (lambda path: written(path, b"not a scan at all"), "bad_labels"),
    "a picture": (lambda path: written(path, b"\x89PNG\r\n\x1a\n" + bytes(64)), "bad_labels"),
    "cut off": (lambda path: written(path, nifti(path, organ()).read_bytes()[:-100]), "corrupt_scan"),
}  # fmt: skip


def written(path, content):
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_corrected_map_is_refused(tmp_path, base, what):
    make, code = REFUSED[what]
    with pytest.raises(errors.VisceraError) as refused:
        correct(base, make(tmp_path / "upload.nii"))
    assert (refused.value.code, refused.value.status) == (code, 422)


def test_a_map_that_declares_more_than_the_job_has_is_refused_by_its_header(tmp_path, base):
    header = nib.Nifti1Header()
    header.set_data_dtype(np.float64)
    header.set_data_shape((8000, 8000, 16))
    header.set_sform(np.diag([0.1, 0.1, 3.0, 1.0]), code=1)
    path = written(tmp_path / "upload.nii", header.binaryblock + bytes(4))
    with pytest.raises(errors.Unprocessable) as refused:
        sandbox.correct(base, tmp_path / "out.nii.gz", ORGANS, upload=path)
    assert refused.value.code == "wrong_grid"


def test_edits_are_applied_in_order(base):
    changed, corrected = correct(
        base,
        edits=[
            {"kind": "paint", "label": 0, "runs": [[4 + 10 * (3 + 8 * 2), 1]]},
            {"kind": "fill", "label": 1, "in_slices": False},
            {"kind": "relabel", "at": POINT, "label": 2, "in_slice": True},
            {"kind": "erase", "label": 1, "slices": [3, 5]},
        ],
    )
    expected = organ()
    expected[2][expected[2] == 1] = 2
    expected[3:] = 0
    assert np.array_equal(corrected.data, expected)
    assert changed == {"1": (0, 32), "2": (16, 0)}


BAD_EDITS = {
    "outside": ({"kind": "relabel", "at": [10, 0, 0], "label": 1, "in_slice": False}, "bad_edit"),
    "background": ({"kind": "relabel", "at": [0, 0, 0], "label": 1, "in_slice": False}, "bad_edit"),
    "long run": ({"kind": "paint", "label": 1, "runs": [[479, 2]]}, "bad_edit"),
    "empty run": ({"kind": "paint", "label": 1, "runs": [[0, 0]]}, "bad_edit"),
    "no such slice": ({"kind": "erase", "label": 1, "slices": [0, 6]}, "bad_edit"),
    "unknown id": ({"kind": "relabel", "at": POINT, "label": 9, "in_slice": False}, "unknown_labels"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD_EDITS)
def test_an_edit_that_does_not_fit_is_refused(base, what):
    edit, code = BAD_EDITS[what]
    with pytest.raises(errors.Unprocessable) as refused:
        correct(base, edits=[edit])
    assert refused.value.code == code


def test_the_names_of_the_labels_are_in_the_corrected_map(base):
    changed, _ = correct(base, edits=[{"kind": "erase", "label": 1, "slices": None}])
    assert changed == {"1": (0, 48)}
    assert b"stomach" in nib.load(base.with_name("out.nii.gz")).header["descrip"].item()
