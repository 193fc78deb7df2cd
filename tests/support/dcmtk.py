"""dcmtk's programs: real application entities that are not ours."""

import shutil
import subprocess

import pytest


def run(program, *arguments, timeout=60):
    """Runs a program of dcmtk to its end; its output has what each request was answered."""
    if shutil.which(program) is None:
        pytest.skip(f"dcmtk is not installed: {program}")
    command = [program, "-v", *map(str, arguments)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=timeout)
    return done.returncode, done.stdout + done.stderr
