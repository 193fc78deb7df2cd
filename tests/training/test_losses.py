"""Learning from a teacher, in the training environment."""

import subprocess

import pytest

from tests.training.test_smoke import ROOT, python_with_torch

TAUGHT = """
import torch
from training.losses import pixels, taught
from training.networks import UNet
torch.manual_seed(0)
teacher, other = (UNet(widths=(8, 8, 8, 8)).eval() for _ in range(2))
x, unknown = torch.rand(2, 3, 64, 64), torch.full((2, 64, 64), -1)
marks = teacher(x).argmax(1)
same, apart = (taught(teacher)(network, (x, unknown)) for network in (teacher, other))
assert abs(float(same)) < 1e-5 < float(apart), "without a label only the teacher counts"
assert torch.isclose(taught(teacher, 3.0)(other, (x, unknown)), 1.5 * apart)
assert torch.isclose(taught(teacher)(other, (x, marks)), pixels(other(x), marks) + apart)
taught(teacher)(other, (x, marks)).backward()
assert all(p.grad is None for p in teacher.parameters())
assert any(p.grad is not None for p in other.parameters())
"""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_teacher_counts_where_nothing_is_labelled_and_beside_labels_where_there_are():
    subprocess.run([python_with_torch(), "-c", TAUGHT], cwd=ROOT, check=True, timeout=280)
