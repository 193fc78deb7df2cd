"""The page of error codes names every code that the program can give, and no other."""

import ast
from pathlib import Path

from services.api import codes, problems
from shared import errors

ROOT = Path(__file__).parents[3]
ABSTRACT = {"error"}
"""The base class's own, which nobody raises."""
STATES = {f"job_{state}" for state in ("succeeded", "failed", "cancelled")}
"""Made from a job's end state."""


def sources():
    for path in (
        path for folder in ("shared", "services", "viscera_client") for path in ROOT.glob(f"{folder}/**/*.py")
    ):
        if path.name != "codes.py" and "node_modules" not in path.parts:
            yield ast.parse(path.read_text())


def class_codes(trees):
    found = {}
    for node in (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
        for line in node.body:
            if isinstance(line, ast.Assign) and getattr(line.targets[0], "id", "") == "code":
                found[node.name] = ast.literal_eval(line.value)
    return found


def named_codes(trees, classes):
    """Codes given beside the sentence, and those of jobs and problem documents."""
    for node in (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        place = {"problem": 1, "fail": 2, "end": 3}.get(name, 1 if name in classes else None)
        if place is not None and len(node.args) > place and isinstance(node.args[place], ast.Constant):
            yield node.args[place].value


def test_every_code_in_the_program_is_on_the_page_and_every_code_on_the_page_in_the_program():
    trees = list(sources())
    classes = class_codes(trees)
    program = {*classes.values(), *named_codes(trees, classes), *problems._CODES.values(), "http_error", *STATES}
    listed = {*codes.REQUEST, *codes.SCAN, *codes.JOB, *codes.COMMAND_LINE}
    assert program - ABSTRACT == listed


def test_the_page_gives_the_statuses_that_the_tree_has():
    for kind in vars(errors).values():
        if (
            isinstance(kind, type)
            and issubclass(kind, errors.VisceraError)
            and kind.code in {**codes.REQUEST, **codes.SCAN}
        ):
            assert {**codes.REQUEST, **codes.SCAN}[kind.code][0] == kind.status, kind


def test_the_page_is_the_generated_one():
    assert (ROOT / "docs" / "errors.md").read_text() == codes.page()
