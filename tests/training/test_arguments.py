"""The command line: every step runs something, and old names of options still work."""

import argparse
from pathlib import Path

import pytest

from training.__main__ import RUN
from training.arguments import make_parser
from training.dataset.cases import VALIDATION_PATIENTS


def test_every_step_has_a_function():
    (steps,) = (action for action in make_parser(None)._actions if isinstance(action, argparse._SubParsersAction))
    assert set(steps.choices) == set(RUN)


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        (["folds", "run", "--gate-steps", "7"], "classifier_steps", 7),
        (["folds", "run", "--classifier-steps", "7"], "classifier_steps", 7),
        (["half", "model", "out", "--gate", "folder"], "classifier", Path("folder")),
        (["export", "classifier", "last.pt", "out", "--network", "gate"], "network", "gate"),
        (["evaluate", "one", "two"], "patients", list(VALIDATION_PATIENTS)),
        (["evaluate", "one", "two", "--patients"], "patients", []),
        (["evaluate", "one", "two", "--patients", "--leave-out", "case1"], "leave_out", ["case1"]),
    ],
)
def test_options_have_old_and_new_names(words, name, value):
    assert getattr(make_parser(None).parse_args(words), name) == value
