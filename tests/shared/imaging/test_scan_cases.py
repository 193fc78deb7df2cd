"""Every kind of scan is read with the right values and warnings or refused with its code and a helpful sentence."""

from pathlib import Path

import pytest

from services.mesher.report import SENTENCES
from shared.errors import BadScan
from shared.imaging.formats import open_scan, read_scan
from tests.support.scan_cases import CASES, rows
from tests.support.scan_writers import AFFINE, nifti, voxels

PAGE = Path(__file__).parents[3] / "docs" / "scans.md"


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.group}: {case.name}")
def test_a_scan_is_read_or_refused_as_the_page_says(tmp_path, case):
    case.write(tmp_path)
    path = tmp_path / case.file if case.file else tmp_path
    if case.code:
        with pytest.raises(BadScan) as caught:
            open_scan(path)
        assert caught.value.code == case.code
        assert case.says in caught.value.detail
        return
    volume = read_scan(path)
    assert len(volume.data) == case.slices
    assert (volume.modality, volume.warnings) == (case.modality, case.warnings)
    if case.low is not None:
        assert float(volume.data.min()) == case.low
    if case.high is not None:
        assert float(volume.data.max()) == case.high


def test_the_modality_can_be_said_and_is_then_no_guess(tmp_path):
    nifti(tmp_path, voxels())
    for modality in ("CT", "MR"):
        volume = read_scan(tmp_path, modality=modality)
        assert (volume.modality, volume.warnings) == (modality, ())


def test_other_formats_are_at_the_place_that_nibabel_gives(tmp_path):
    for case in CASES:
        if case.name in ("a pair of .hdr and .img", "MGH, MGZ"):
            folder = tmp_path / case.group
            folder.mkdir()
            case.write(folder)
            assert read_scan(folder).geometry.ras == pytest.approx(AFFINE, abs=1e-4)


def test_the_page_has_the_table_of_these_cases():
    assert "\n".join(rows()) in PAGE.read_text()


def test_every_warning_of_a_reader_has_its_sentence_in_the_report():
    assert {code for case in CASES for code in case.warnings} <= set(SENTENCES)
