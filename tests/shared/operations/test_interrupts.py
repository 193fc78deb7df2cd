"""A program that is interrupted ends with status 130, whatever code the interrupt meets."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel, field_serializer

from shared.operations.interrupts import exit_when_interrupted

ROOT = Path(__file__).parents[3]
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _Interrupted(BaseModel):
    """Its serialiser is interrupted; pydantic makes an error of its own of that."""

    name: int

    @field_serializer("name")
    def _serialise(self, name: int) -> int:
        os.kill(os.getpid(), name)
        return name


def _drop(name: int) -> None:
    with contextlib.suppress(KeyboardInterrupt):
        os.kill(os.getpid(), name)


@pytest.fixture
def default_handlers():
    before = {name: signal.signal(name, signal.default_int_handler) for name in SIGNALS}
    yield
    for name, handler in before.items():
        signal.signal(name, handler)


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize(
    "meet",
    [
        lambda name: os.kill(os.getpid(), name),
        lambda name: _Interrupted(name=name).model_dump_json(),
        _drop,
    ],
    ids=["python", "native code that makes another error", "code that drops it"],
)
def test_an_interrupt_ends_with_130(default_handlers, name, meet):
    with pytest.raises(SystemExit) as ended, exit_when_interrupted():
        meet(name)
    assert ended.value.code == 130


def test_an_error_without_an_interrupt_stays_as_it_is(default_handlers):
    with pytest.raises(ValueError, match="wrong"), exit_when_interrupted() as interrupted:
        raise ValueError("wrong")
    assert not interrupted.is_set()


def test_handlers_are_as_before_afterwards(default_handlers):
    with exit_when_interrupted():
        assert signal.getsignal(signal.SIGTERM) is not signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler


def test_a_program_in_the_background_still_ignores_sigint():
    code = (
        "import os, signal\n"
        "from shared.operations.interrupts import exit_when_interrupted\n"
        "with exit_when_interrupted():\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "print('continued')\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN), timeout=60,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (0, "continued\n")
