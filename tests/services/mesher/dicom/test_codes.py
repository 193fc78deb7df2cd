"""Segments, findings and regions of interest of any structures say what and where they are."""

import csv
import shutil
import subprocess
import warnings
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from services.label_maps import mesh_labels
from services.mesher.dicom import codes
from services.mesher.labels import read_labels
from shared.dicom.identity import complete
from shared.imaging import structures
from shared.imaging.formats import read_scan
from shared.imaging.geometry import Geometry
from shared.imaging.label_table import label_set, named, to_xml
from shared.imaging.volume import LabelMap, Organ, Volume
from shared.models.card import Label
from tests.services.mesher.dicom.test_dicom import IDENTITY, dicom_files, read
from tests.services.mesher.glb.reader import parse
from tests.support.scans import write_dicom

SINGLE = """
spleen kidney_right kidney_left gallbladder liver stomach pancreas adrenal_gland_right adrenal_gland_left
lung_upper_lobe_left lung_middle_lobe_right esophagus trachea thyroid_gland small_bowel duodenum colon
urinary_bladder prostate kidney_cyst_left kidney_cyst_right sacrum heart aorta spinal_cord brain
portal_vein_and_splenic_vein iliac_artery_left iliac_artery_right iliac_vena_left iliac_vena_right
liver_tumor subcutaneous_fat hip_left hip_right superior_mesenteric_artery pleural_effusion
common_bile_duct sternum intervertebral_discs autochthon_right
"""
NAMES = [
    *SINGLE.split(),
    *(f"vertebrae_{name}" for name in ("S1", "L5", "L4", "L3", "L2", "L1", "T12", "T11", "T10")),
    *(f"rib_{side}_{n}" for side in ("left", "right") for n in range(8, 13)),
]
ORGANS = label_set({label: named(label, name) for label, name in enumerate(NAMES, start=1)})
LEFT, LIVER = "7771000", "10200004"
GRID = (9, 36, 60)


@pytest.fixture(scope="module")
def phantom():
    """60 blocks of voxels, each with a border of background, on a small grid."""
    data = np.zeros(GRID, np.uint8)
    for label in range(1, 61):
        row, column = divmod(label - 1, 10)
        data[2:7, 6 * row + 1 : 6 * row + 5, 6 * column + 1 : 6 * column + 5] = label
    return data


@pytest.fixture(scope="module")
def files(phantom, tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantom") / "s"
    geometry = Geometry(GRID, np.diag([3.0, 3.0, 5.0, 1.0]))
    write_dicom(folder, Volume(phantom.astype(np.int16), geometry, "MR", "dicom"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        label_map = LabelMap(read_scan(folder).data.astype(np.uint8), read_scan(folder).geometry, organs=ORGANS)
        return {name: complete(content, IDENTITY) for name, content in dicom_files(label_map, folder).items()}


def source_rows():
    with Path(structures.__file__).with_suffix(".csv").open(newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def value(sequence):
    return (sequence[0].CodeValue, sequence[0].CodeMeaning) if sequence else None


def test_there_are_60_names():
    assert len(NAMES) == len(set(NAMES)) == 60


def test_each_segment_has_category_type_side_and_region_of_its_structure(files):
    segments = read(files["segmentation.dcm"]).SegmentSequence
    rows = source_rows()
    assert [item.TrackingID for item in segments] == NAMES
    for item, name in zip(segments, NAMES, strict=True):
        row, kind = rows[name], item.SegmentedPropertyTypeCodeSequence[0]
        category = item.SegmentedPropertyCategoryCodeSequence[0].CodeValue
        region = item.get("AnatomicRegionSequence", ())
        sides = kind.get("SegmentedPropertyTypeModifierCodeSequence", ())
        if region:
            sides = region[0].get("AnatomicRegionModifierSequence", ())
            assert "SegmentedPropertyTypeModifierCodeSequence" not in kind
        assert item.SegmentLabel == ("Small bowel" if name == "small_bowel" else row["title"])
        assert category == row["category"]
        assert (sides[0].CodeValue if sides else "") == row["modifier"]
        assert value(region) == ((row["region"], row["region_meaning"]) if row["region"] else None)
        if row["snomed"]:
            assert (kind.CodeValue, kind.CodingSchemeDesignator) == (row["snomed"], "SCT")
            assert kind.CodeMeaning == ("Small bowel" if name == "small_bowel" else row["meaning"])
        else:
            assert (kind.LongCodeValue, kind.CodingSchemeDesignator) == (name, "99VISCERA")


def test_each_region_of_interest_has_the_codes_too(files):
    observations = read(files["rtstruct.dcm"]).RTROIObservationsSequence
    by_name = dict(zip(NAMES, observations, strict=True))
    kidney, cyst = by_name["kidney_left"], by_name["kidney_cyst_left"]
    kind = kidney.RTROIIdentificationCodeSequence[0]
    assert (kind.CodeValue, kind.SegmentedPropertyTypeModifierCodeSequence[0].CodeValue) == ("64033007", LEFT)
    assert kidney.RTROIInterpretedType == by_name["stomach"].RTROIInterpretedType == "ORGAN"
    assert cyst.SegmentedPropertyCategoryCodeSequence[0].CodeValue == "49755003"
    assert not cyst.RTROIInterpretedType
    assert value(cyst.AnatomicRegionSequence) == ("64033007", "Kidney")
    assert value(cyst.AnatomicRegionSequence[0].AnatomicRegionModifierSequence) == (LEFT, "Left")


def test_each_finding_says_what_it_is_and_where(files):
    report = read(files["sr.dcm"])
    measurements = next(item for item in report.ContentSequence if concept(item) == "126010")
    groups = {texts(group)["112039"]: group for group in measurements.ContentSequence}
    assert sorted(groups) == sorted(NAMES)
    rows = source_rows()
    for name, group in groups.items():
        if rows[name]["snomed"]:
            assert texts(group)["121071"] == rows[name]["snomed"]
            assert texts(group)["276214006"] == rows[name]["category"]
            assert texts(group)["363698007"] == (rows[name]["region"] or rows[name]["snomed"])
            sites = [item for item in group.ContentSequence if concept(item) == "363698007"]
            assert texts(sites[0]).get("272741003", "") == rows[name]["modifier"]


def concept(item):
    return item.ConceptNameCodeSequence[0].CodeValue if "ConceptNameCodeSequence" in item else ""


def texts(group):
    """The texts and codes in a container, by the code of their concept name."""
    values = {}
    for item in group.get("ContentSequence", ()):
        if item.ValueType == "TEXT":
            values[concept(item)] = item.TextValue
        elif item.ValueType == "CODE":
            code = item.ConceptCodeSequence[0]
            values[concept(item)] = code.get("CodeValue") or code.LongCodeValue
    return values


def test_a_label_map_with_these_names_becomes_a_model_with_names_codes_and_colours(phantom, tmp_path):
    image = nib.Nifti1Image(phantom.T.copy(), np.diag([3.0, 3.0, 5.0, 1.0]))
    image.header.extensions.append(nib.nifti1.Nifti1Extension(0, to_xml(ORGANS)))
    nib.save(image, tmp_path / "l.nii.gz")
    mesh_labels(tmp_path / "l.nii.gz", tmp_path / "out", "light")
    document, _ = parse((tmp_path / "out" / "model.glb").read_bytes())
    nodes = {node["name"]: node["extras"] for node in document["nodes"] if "extras" in node}
    assert sorted(nodes) == sorted(NAMES)
    for organ in ORGANS:
        assert (nodes[organ.name]["title"], nodes[organ.name].get("snomed_ct")) == (organ.title, organ.snomed)
    assert {material["name"] for material in document["materials"]} == set(NAMES)
    assert read_labels(tmp_path / "l.nii.gz").organs == ORGANS


def test_a_segmentation_keeps_the_codes_when_it_is_read_again(files, tmp_path):
    (tmp_path / "seg.dcm").write_bytes(files["segmentation.dcm"])
    organs = read_labels(tmp_path / "seg.dcm").organs
    assert len(organs) == 60
    for organ, original in zip(organs, ORGANS, strict=True):
        assert (organ.title, organ.snomed) == (original.title, original.snomed)
        assert (organ.modifier, organ.region) == (original.modifier, original.region)
        assert codes.category(organ) == codes.category(original)
        assert codes.kind(organ).meaning == codes.kind(original).meaning


def test_a_lesion_without_a_region_has_no_finding_site_and_unknown_codes_keep_their_number():
    lesion = Label(id=1, name="spot", snomed="52988006", category="49755003").organ()
    assert (codes.sites(lesion), codes.regions(lesion), codes.side(lesion)) == ([], None, None)
    tissue = Organ(1, "fat", "Fat", "55603005", (1, 2, 3), category="85756007")
    assert [site.value for site in codes.sites(tissue)] == ["55603005"]
    other = Label(id=1, name="spot", snomed="52988006", region="123456789").organ()
    assert codes.regions(other)[0].meaning == "SNOMED CT 123456789"


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (dicom3tools) is not installed")
def test_dciodvfy_finds_no_error_in_60_structures(files, tmp_path):
    for name in ("segmentation.dcm", "sr.dcm", "rtstruct.dcm"):
        (tmp_path / name).write_bytes(files[name])
        result = subprocess.run(["dciodvfy", tmp_path / name], capture_output=True, text=True, check=False, timeout=60)
        assert "Error" not in result.stderr, result.stderr
