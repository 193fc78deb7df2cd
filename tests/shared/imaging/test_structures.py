"""The table of structures has valid codes, and names find them however they are written."""

import itertools
import re
from collections import defaultdict

import numpy as np
import pytest
from pydicom.sr.codedict import codes

from shared.imaging.structures import CATEGORIES, SIDES, STRUCTURES, find, meaning_of
from shared.imaging.volume import ORGANS

BY_NAME = {structure.name: structure for structure in STRUCTURES}
LEFT, RIGHT = "7771000", "24028007"
SPINE = ["C1", "C2", "C3", "C4", "C5", "C6", "C7", *(f"T{n}" for n in range(1, 13)), *(f"L{n}" for n in range(1, 6))]
NEIGHBOURS = [
    *itertools.pairwise(f"vertebrae_{name}" for name in [*SPINE, "S1"]),
    *(pair for side in ("left", "right") for pair in itertools.pairwise(f"rib_{side}_{n}" for n in range(1, 13))),
    *(
        pair
        for group in (
            "liver gallbladder stomach duodenum colon kidney_right adrenal_gland_right inferior_vena_cava",
            "liver liver_tumor liver_cyst liver_vessels portal_vein_and_splenic_vein",
            "spleen stomach pancreas colon kidney_left adrenal_gland_left",
            "small_bowel colon duodenum stomach urinary_bladder",
            "kidney_left kidney_right kidney_tumor",
            "kidney_left kidney_cyst_left ureter_left",
            "aorta inferior_vena_cava superior_mesenteric_artery",
            "iliac_artery_left iliac_vena_left iliac_artery_right iliac_vena_right",
            "lung_upper_lobe_right lung_middle_lobe_right lung_lower_lobe_right",
            "heart_atrium_left heart_atrium_right heart_ventricle_left heart_ventricle_right heart_myocardium",
            "gluteus_maximus_left gluteus_medius_left gluteus_minimus_left",
        )
        for pair in itertools.combinations(group.split(), 2)
    ),
]
_TIMES = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    [1, 2, 3, 4, 0, 6, 7, 8, 9, 5],
    [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
    [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
    [4, 0, 1, 2, 3, 9, 5, 6, 7, 8],
    [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
    [6, 5, 9, 8, 7, 1, 0, 4, 3, 2],
    [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
    [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
    [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
]
_SHIFT = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]


def is_snomed(code):
    """The last digit of a SNOMED CT code is a check digit (Verhoeff, 1969)."""
    check = 0
    for at, digit in enumerate(reversed(code)):
        moved = int(digit)
        for _ in range(at % 8):
            moved = _SHIFT[moved]
        check = _TIMES[check][moved]
    return check == 0


def lab(colour):
    """An sRGB colour in CIE L*a*b* (D65)."""
    srgb = np.array(colour) / 255.0
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    weights = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = np.cbrt(np.array(weights) @ linear / [0.9505, 1.0, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_names_are_unique_however_they_are_written_and_fit_dicom():
    assert len(BY_NAME) == len(STRUCTURES)
    for structure in STRUCTURES:
        assert find(structure.name) is structure
        assert re.fullmatch(r"[A-Za-z0-9_]{1,64}", structure.name)
        assert 0 < len(structure.title) <= 64
        assert len(structure.meaning) <= 64


def test_codes_are_snomed_ct_codes_with_a_right_check_digit():
    for structure in STRUCTURES:
        for code in (structure.snomed, structure.category, structure.modifier, structure.region):
            assert code is None or (re.fullmatch(r"\d{6,18}", code) and is_snomed(code)), structure
        assert bool(structure.snomed) == bool(structure.meaning)
    assert [structure.name for structure in STRUCTURES if not structure.snomed] == ["intervertebral_discs"]
    assert not is_snomed("64033008")


def test_categories_and_sides_are_those_of_dicom():
    assert {codes.cid7150.Tissue.value, codes.cid7150.BodySubstance.value} <= set(CATEGORIES)
    assert (codes.cid244.Left.value, codes.cid244.Right.value) == (LEFT, RIGHT)
    assert {structure.category for structure in STRUCTURES} <= set(CATEGORIES)
    assert {structure.modifier for structure in STRUCTURES} == {None, LEFT, RIGHT}
    assert set(SIDES) >= {LEFT, RIGHT}


def test_left_and_right_have_one_code_and_differ_in_the_modifier():
    pairs = [(name, re.sub("left", "right", name)) for name in BY_NAME if "left" in name.split("_")]
    pairs = [(BY_NAME[left], BY_NAME[right]) for left, right in pairs if right in BY_NAME]
    assert len(pairs) > 40
    for left, right in pairs:
        assert (left.category, left.region) == (right.category, right.region)
        if left.name.startswith("heart_"):  # a code of its own for each chamber
            assert (left.modifier, right.modifier) == (None, None)
            assert left.snomed != right.snomed
        else:
            assert (left.snomed, left.meaning) == (right.snomed, right.meaning)
            assert (left.modifier, right.modifier) == (LEFT, RIGHT)


def test_structures_with_the_same_codes_are_one_structure():
    same = defaultdict(set)
    for structure in STRUCTURES:
        same[structure.snomed, structure.modifier, structure.region].add(structure.name)
    shared = {frozenset(names) for names in same.values() if len(names) > 1}
    assert shared == {frozenset({"phalanges_feet", "phalanges_hand"})}


def test_colours_of_neighbours_differ():
    for first, second in NEIGHBOURS:
        difference = np.linalg.norm(lab(BY_NAME[first].colour) - lab(BY_NAME[second].colour))
        assert difference >= 20, (first, second, difference)


def test_the_products_own_organs_are_in_it_with_their_codes_and_colours():
    for organ in ORGANS[:2]:
        assert (BY_NAME[organ.name].snomed, BY_NAME[organ.name].colour) == (organ.snomed, organ.colour)
    assert (BY_NAME["colon"].snomed, BY_NAME["colon"].colour) == (ORGANS[2].snomed, ORGANS[2].colour)


@pytest.mark.parametrize(
    ("name", "structure"),
    [
        ("kidney_left", "kidney_left"),
        ("Left kidney", "kidney_left"),
        ("LEFT-KIDNEY", "kidney_left"),
        (" kidney (right) ", "kidney_right"),
        ("rib left 7", "rib_left_7"),
        ("left rib 7", "rib_left_7"),
        ("rib_7_left", "rib_left_7"),
        ("vertebrae l1", "vertebrae_L1"),
        ("Liver tumour", "liver_tumor"),
        ("oesophagus", "esophagus"),
        ("Portal vein and splenic vein", "portal_vein_and_splenic_vein"),
    ],
)
def test_a_name_is_known_whatever_its_case_separators_and_place_of_the_side(name, structure):
    assert find(name) is BY_NAME[structure]


@pytest.mark.parametrize("name", ["", "left", "label_5", "kidney left right", "kidneys", "rib_left_13", "左腎"])
def test_other_names_are_not_guessed(name):
    assert find(name) is None


def test_meanings_of_codes():
    assert [meaning_of(code) for code in (LEFT, "64033007", "85756007")] == ["Left", "Kidney", "Tissue"]
    assert meaning_of("123456789") == "SNOMED CT 123456789"
