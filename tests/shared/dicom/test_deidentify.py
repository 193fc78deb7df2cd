"""Every row of PS3.15 table E.1-1 does what its action says."""

import re
from pathlib import Path

import pydicom
import pytest
from pydicom.datadict import DicomDictionary, dictionary_VR
from pydicom.dataset import Dataset

from shared.dicom import deidentify as profile
from shared.errors import Unprocessable

CANARY = "CANARY7F3A"
SECRET = b"one export"
ROWS = [line.split(",") for line in Path(profile.__file__).with_name("profile.csv").read_text().splitlines()[1:]]
_VALUES = {
    "DA": "20240102", "TM": "101112", "DT": "20240102101112", "AS": "042Y", "UI": "1.2.3.4", "DS": "4.5", "IS": "45",
    "AT": 0x00100010,
}  # fmt: skip


def value_of(vr):
    if vr in _VALUES:
        return _VALUES[vr]
    if vr in ("FL", "FD", "SL", "SS", "SV", "UL", "US", "UV"):
        return 45
    if vr in ("OB", "OW", "OF", "OD", "OL", "OV", "UN"):
        return (CANARY + "CANARY").encode()
    if vr == "SQ":
        item = Dataset()
        item.PatientName, item.SOPInstanceUID = f"{CANARY}^In", "1.2.3.4"
        return [item]
    return CANARY


@pytest.mark.parametrize(("tag", "action", "name"), ROWS, ids=[row[0] for row in ROWS])
def test_a_row_of_the_table(tag, action, name):
    number = int(tag.replace("x", "0").replace("X", "0"), 16)
    vr = dictionary_VR(number).split(" ")[0] if number in DicomDictionary else "OB" if "x" in tag else "LO"
    data = Dataset()
    data[number] = pydicom.DataElement(number, vr, value_of(vr))
    before = data[number].value
    profile.deidentify(data, SECRET)
    if number in (0x00120062, 0x00120063):
        return
    kept = data.get(number)
    if action == "X":
        assert kept is None, name
        return
    assert kept is not None, name
    if vr == "SQ":
        assert CANARY not in str(kept)
        assert "1.2.3.4" not in str(kept)
    elif action in ("Z", "X/Z"):
        assert not kept.value
    elif action in ("U", "X/Z/U*"):
        assert str(kept.value) == profile.replaced_uid("1.2.3.4", SECRET) != "1.2.3.4"
    else:
        assert kept.value == pydicom.DataElement(number, vr, profile.dummy(vr)).value
        assert kept.value != before


def test_the_table_is_whole():
    assert len(ROWS) > 600
    assert {row[1] for row in ROWS} == {"D", "Z", "X", "U", "Z/D", "X/Z", "X/D", "X/Z/D", "X/Z/U*"}
    assert all(re.fullmatch(r"[0-9A-Fx]{8}", row[0]) for row in ROWS)
    assert profile.table()["00100010"] == "Z"


def test_private_and_nested_attributes_go_and_geometry_stays():
    data = Dataset()
    data.add_new(0x00110010, "LO", CANARY)
    data.add_new(0x00111001, "LO", CANARY)
    data.add_new(0x60023000, "OW", CANARY.encode())
    data.PatientName, data.PixelSpacing, data.ImagePositionPatient = f"{CANARY}^A", [1, 2], [3, 4, 5]
    data.SOPClassUID, data.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.4", "1.2.3.4"
    profile.deidentify(data, SECRET)
    assert CANARY not in str(data)
    assert 0x60023000 not in data
    assert (data.PixelSpacing, data.SOPClassUID) == ([1, 2], "1.2.840.10008.5.1.4.1.1.4")
    assert (data.PatientIdentityRemoved, data.DeidentificationMethodCodeSequence[0].CodeValue) == ("YES", "113100")


def test_uids_fit_together_within_an_export_and_with_no_other():
    assert profile.replaced_uid("1.2.3", SECRET) == profile.replaced_uid("1.2.3", SECRET)
    assert profile.replaced_uid("1.2.3", SECRET) != profile.replaced_uid("1.2.3", b"another")
    assert profile.replaced_uid("1.2.840.10008.1.2.1", SECRET) == "1.2.840.10008.1.2.1"


def test_burned_in_annotations_are_refused():
    data = Dataset()
    data.BurnedInAnnotation = "YES"
    with pytest.raises(Unprocessable) as caught:
        profile.deidentify(data, SECRET)
    assert caught.value.code == "burned_in_annotation"
