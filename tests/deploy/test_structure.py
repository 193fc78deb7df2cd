"""No import cycle, a current architecture page, and a check of commit messages that finds what it should."""

import importlib.util
import subprocess
import sys

import pytest

from tests.deploy.test_files import ROOT


def load(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / ".ci" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_architecture_page_shows_the_real_imports_and_they_have_no_cycle():
    check = subprocess.run([sys.executable, ".ci/structure.py"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stdout


def test_a_cycle_is_found():
    structure = load("structure")
    assert structure.find_cycle({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    assert set(structure.find_cycle({"a": {"b"}, "b": {"a"}})) == {"a", "b"}


def test_an_arrow_that_a_longer_way_implies_is_left_out():
    structure = load("structure")
    assert structure.reduced({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == {"a": ["b"], "b": ["c"], "c": []}


@pytest.mark.parametrize(
    "subject",
    ["Added a thing", "Adds a thing", "Adding a thing", "add a thing", "Add a thing.", "Add " + "x" * 70],
)
def test_a_subject_that_breaks_the_rule_is_named(subject):
    assert load("commits").problems(subject, "Because it was missing in the list.")


@pytest.mark.parametrize("subject", ["Add a thing", "Process every file", "Pass the key on", "Embed the font"])
def test_a_good_message_passes_and_an_empty_body_does_not(subject):
    assert load("commits").problems(subject, "Because it was missing in the list.") == []
    assert load("commits").problems(subject, "") == ["the body does not say why"]
