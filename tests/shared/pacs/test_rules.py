"""The first rule that a series matches says which model it gets."""

import os

import pytest

from shared.pacs import rules

RULES = """
[[rule]]
modality = "CT"
description = "*liver*"
model = "liver"

[[rule]]
modality = "CT"
body_part = "ABD*"
model = "abdomen@2"

[[rule]]
modality = "MR"
model = "gut"
"""


def series(modality="CT", body_part="", description=""):
    fields = {"00080060": ("CS", modality), "00180015": ("CS", body_part), "0008103E": ("LO", description)}
    return {tag: {"vr": vr, "Value": [text]} for tag, (vr, text) in fields.items() if text}


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "rules.toml"
    file.write_text(RULES)
    return file


@pytest.mark.parametrize(
    ("attributes", "model"),
    [
        (series(description="Liver portal venous"), "liver"),
        (series(body_part="ABDOMEN", description="LIVER"), "liver"),
        (series(body_part="abdomen"), "abdomen@2"),
        (series(body_part="CHEST"), None),
        (series("MR", "PELVIS", "liver"), "gut"),
        (series("US"), None),
        ({}, None),
    ],
)
def test_the_first_matching_rule_counts(path, attributes, model):
    assert rules.choose(rules.load(path), attributes) == model


def test_without_a_file_there_are_no_rules():
    assert rules.load(None) == ()


def test_a_changed_file_is_read_again(path):
    assert len(rules.load(path)) == 3
    path.write_text("")
    os.utime(path, ns=(1, 1))
    assert rules.load(path) == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[[rule]]", "rule.0.model"),
        ('[[rule]]\nmodel = "a"\nbodypart = "x"', "rule.0.bodypart"),
        ("[[rule", "not TOML"),
        ('rules = "x"', "rules"),
    ],
)
def test_a_file_that_is_not_valid_is_refused_with_the_place(path, text, reason):
    path.write_text(text)
    os.utime(path, ns=(2, hash(text) % 10**9))
    with pytest.raises(rules.BadRules, match=reason):
        rules.load(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(rules.BadRules, match="can't be read"):
        rules.load(tmp_path / "none.toml")
