"""Names of labels survive the table in a header, and hostile names and tables do no harm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.imaging.label_table import from_description, from_xml, label_set, named, to_description, to_xml, unnamed
from shared.imaging.volume import ORGANS

TOTALSEGMENTATOR = b"""<?xml version="1.0" encoding="UTF-8"?> <CaretExtension>
<Date><![CDATA[2013-07-14T05:45:09]]></Date>
<VolumeInformation Index="0">   <LabelTable>     <Label Key="0" Red="1.0" Green="1.0" Blue="1.0"
Alpha="0.0"><![CDATA[background]]></Label>
<Label Key="1" Red="0.0" Green="1.0" Blue="0.0" Alpha="1.0"><![CDATA[spleen]]></Label>
<Label Key="18" Red="0.5" Green="0.0" Blue="0.0" Alpha="1.0"><![CDATA[small_bowel]]></Label>
</LabelTable>  <VolumeType><![CDATA[Label]]></VolumeType>   </VolumeInformation></CaretExtension>\0\0\0"""


def test_the_products_own_organs_come_back_whole():
    assert from_xml(to_xml(ORGANS)) == ORGANS


def test_the_products_own_organs_fit_a_description():
    assert len(to_description(ORGANS)) < 80
    assert from_description(to_description(ORGANS)) == ORGANS
    assert from_description("FSL5.0 1=stomach") == ()


def test_a_table_of_totalsegmentator_names_its_labels_and_the_codes_follow_the_names():
    spleen, bowel = from_xml(TOTALSEGMENTATOR)
    assert (spleen.id, spleen.name, spleen.snomed, spleen.colour) == (1, "spleen", "78961009", (0, 255, 0))
    assert (bowel.id, bowel.name, bowel.snomed) == (18, "small_bowel", "30315005")


@given(st.dictionaries(st.integers(1, 255), st.text(max_size=80), max_size=12))
def test_any_names_become_unlike_node_names_that_survive_the_table(names):
    organs = label_set({label: named(label, name) for label, name in names.items()})
    assert [organ.id for organ in organs] == sorted(names)
    for organ in organs:
        assert organ.name
        assert organ.name.isascii()
        assert not set(organ.name) & set(" /\\<>&\"'\n")
    assert from_xml(to_xml(organs)) == organs


@pytest.mark.parametrize(
    "xml",
    [
        b"",
        b"<LabelTable",
        b"<comment>LabelTable</comment>",
        b'<!DOCTYPE a [<!ENTITY b "cc">]><a><LabelTable><Label Key="1">&b;</Label></LabelTable></a>',
        b"<a><LabelTable>" + b" " * (1 << 20) + b"</LabelTable></a>",
    ],
    ids=["empty", "cut off", "another", "entities", "too long"],
)
def test_what_is_no_table_names_nothing(xml):
    assert from_xml(xml) == ()


def test_a_label_without_a_name_shows_its_id():
    assert (unnamed(42).name, unnamed(42).snomed) == ("label_42", None)
