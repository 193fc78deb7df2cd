"""Distillation, in the training environment."""

import subprocess

import pytest

from tests.training.test_smoke import ROOT, python_with_torch

DISTILLATION = """
import torch
from training.losses import cross_entropy_dice, distillation_loss
from training.nets.networks import UNet
torch.manual_seed(0)
teacher, other = (UNet(widths=(8, 8, 8, 8)).eval() for _ in range(2))
x, unknown = torch.rand(2, 3, 64, 64), torch.full((2, 64, 64), -1)
labels = teacher(x).argmax(1)
same, different = (distillation_loss(teacher)(network, (x, unknown)) for network in (teacher, other))
assert abs(float(same)) < 1e-5 < float(different), "without a label only the teacher counts"
assert torch.isclose(distillation_loss(teacher, 3.0)(other, (x, unknown)), 1.5 * different)
assert torch.isclose(distillation_loss(teacher)(other, (x, labels)), cross_entropy_dice(other(x), labels) + different)
distillation_loss(teacher)(other, (x, labels)).backward()
assert all(p.grad is None for p in teacher.parameters())
assert any(p.grad is not None for p in other.parameters())
"""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_teacher_counts_where_nothing_is_labelled_and_beside_labels_where_there_are():
    subprocess.run([python_with_torch(), "-c", DISTILLATION], cwd=ROOT, check=True, timeout=280)
