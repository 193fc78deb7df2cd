"""The U-Net on a pre-trained encoder, alone and in an ensemble, in the training environment."""

import subprocess

import pytest

from tests.training.test_smoke import ROOT, python_with_torch

BEGINS = """
import torch
from training.nets.liteunet import LiteUNet, image_net_weights
torch.manual_seed(0)
saved = torch.load(image_net_weights(), weights_only=True)
network = LiteUNet(pretrained=True).eval()
assert torch.equal(network.encoder._blocks[15]._project_conv.weight, saved["_blocks.15._project_conv.weight"])
assert torch.equal(network.encoder._bn0.running_var, saved["_bn0.running_var"])
x = torch.rand(2, 3, 64, 96)
levels = network.levels(x)
assert [tuple(level.shape) for level in levels] == [(2, 4, 64, 96), (2, 4, 32, 48), (2, 4, 16, 24)]
assert torch.equal(levels[0], network(x))
assert not torch.allclose(network(x.flip(3)).flip(3), levels[0], atol=1e-3), "left and right must differ"
"""

ABSENT = """
from training.nets.liteunet import LiteUNet
try:
    LiteUNet().load_encoder(None)
except FileNotFoundError as error:
    assert "requirements.txt" in str(error)
else:
    raise AssertionError
"""

PAIR = """
import sys
from pathlib import Path
import torch
from training.__main__ import main
from training.nets.liteunet import Merge
from training.nets.networks import LiteUNet, Ensemble, ServingNetwork, UNet, load_weights
torch.manual_seed(0)
torch.set_num_threads(1)  # several sum in another order each time
out = Path(sys.argv[1])
networks = {"unet": UNet().eval(), "liteunet": LiteUNet().eval()}
for name, network in networks.items():
    torch.save({"average": network.state_dict()}, out / name)
main(["pair", str(out / "pair.pt"), str(out / "unet"), str(out / "liteunet")])
pair = load_weights(Ensemble(), out / "pair.pt")
x = torch.randint(0, 255, (1, 3, 64, 96), dtype=torch.uint8)
wanted = sum(ServingNetwork(network, "segmenter")(x) for network in networks.values()) / 2
assert torch.allclose(ServingNetwork(pair, "segmenter")(x), wanted, atol=1e-5)
served, middle = ServingNetwork(pair, "segmenter"), x[:, 1:2]
assert torch.equal(served(middle), served(middle.expand(-1, 3, -1, -1)))
usual = sum(network(x / 255).softmax(dim=1) for network in networks.values()) / 2
assert torch.allclose(pair(x / 255).softmax(dim=1), usual, atol=1e-5)

merges = [part for part in pair.modules() if isinstance(part, Merge)]
for _ in range(2):  # the second time there is nothing to add
    for merge in merges:
        merge.round_up()
assert [merge.first[0].in_channels for merge in merges] == [96, 128, 176, 448]
assert torch.allclose(ServingNetwork(pair, "segmenter")(x), wanted, atol=1e-5)
"""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_pair_answers_the_mean_of_both_and_wider_convolutions_change_nothing(tmp_path):
    subprocess.run([python_with_torch(), "-c", PAIR, tmp_path], cwd=ROOT, check=True, timeout=280)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("script", [BEGINS, ABSENT], ids=["begins from ImageNet weights", "says when they are absent"])
def test_the_encoder(script):
    subprocess.run([python_with_torch(), "-c", script], cwd=ROOT, check=True, timeout=280)
