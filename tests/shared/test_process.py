"""Processes end with the one that started them, even if that one is gone before they ask."""

import os
import signal
import subprocess
import sys

SLEEPS = "from shared.process import die_with_supervisor; die_with_supervisor(); print('lives')"


def run(supervisor: int) -> subprocess.CompletedProcess:
    environment = os.environ | {"VISCERA_SUPERVISED": str(supervisor)}
    return subprocess.run([sys.executable, "-c", SLEEPS], env=environment, capture_output=True, check=False, timeout=60)


def test_a_process_whose_supervisor_has_ended_before_it_asks_ends():
    assert run(supervisor=2**22 + 1).returncode == -signal.SIGKILL


def test_a_process_lives_as_long_as_its_supervisor():
    assert run(supervisor=os.getpid()).stdout == b"lives\n"
