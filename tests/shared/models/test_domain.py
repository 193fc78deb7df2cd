"""What a model's card knows about its training data is compared with a scan, whatever the order of its axes."""

import itertools

import pytest

from shared.models.card import Domain
from shared.models.domain import doubts
from tests.support.volume_models import volume_card, volume_spec

KNOWN = Domain(pixel_mm=(0.5, 2.0), slice_mm=(2.0, 6.0), field_of_view_mm=(200.0, 500.0))
USUAL = ((60, 300, 256), (3.0, 1.2, 1.2))


def card(**more):
    return volume_card(volume_spec(), modalities=("MR",), **more)


def test_a_usual_scan_raises_no_doubt():
    assert doubts(card(domain=KNOWN), "MR", *USUAL) == []
    assert doubts(card(domain=KNOWN), "", *USUAL) == []
    assert doubts(card(), "MR", (1, 1, 1), (90.0, 90.0, 90.0)) == []


@pytest.mark.parametrize(
    ("modality", "shape", "spacing", "words"),
    [
        ("CT", *USUAL, "trained on MR, and the scan is CT"),
        ("MR", (60, 300, 256), (3.0, 2.5, 2.5), "0.5 to 2 mm (pixels), and the scan has 2.5 mm"),
        ("MR", (60, 300, 256), (9.0, 1.2, 1.2), "2 to 6 mm (distance between slices), and the scan has 9 mm"),
        ("MR", (60, 90, 100), (3.0, 1.2, 1.2), "200 to 500 mm (field of view), and the scan has 120 mm"),
    ],
)
def test_each_doubt_is_a_sentence_with_the_numbers(modality, shape, spacing, words):
    for order in itertools.permutations(range(3)):
        z, y, x = order
        turned = (shape[z], shape[y], shape[x]), (spacing[z], spacing[y], spacing[x])
        (sentence,) = (text for text in doubts(card(domain=KNOWN), modality, *turned) if words in text)
        assert sentence.startswith("The model was trained on")


def test_what_a_card_knows_about_its_data_does_not_change_its_key():
    assert card(domain=KNOWN).key == card().key
