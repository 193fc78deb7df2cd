"""Bundles become model folders; others are refused. In the training environment, which has torch."""

import json
import os
import subprocess

import numpy as np

from shared.models.card import load_card
from shared.models.network import load_network
from tests.training.bundles.test_mapping import PLAIN
from tests.training.test_smoke import ROOT, python_with_torch

PROGRAM = """
import json, pathlib, shutil, sys
import torch
from training.convert import main

root = pathlib.Path(sys.argv[1])
plain = json.loads((root / "inference.json").read_text())

class Two(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = torch.nn.Conv3d(1, 3, 3, padding=1)

    def forward(self, window):
        out = self.convolution(window)
        return out, out

def folder(name, network, image, pred):
    home = root / name
    for part in ("configs", "models"):
        (home / part).mkdir(parents=True)
    (home / "configs" / "inference.json").write_text(json.dumps(plain))
    form = {"inputs": {"image": image}, "outputs": {"pred": {"channel_def": pred}}}
    text = json.dumps({"version": "0.4.1", "network_data_format": form, "copyright": "A clinic"})
    (home / "configs" / "metadata.json").write_text(text)
    if network is not None:
        torch.jit.script(network.eval()).save(str(home / "models" / "model.ts"))
    return str(home)

def run(name, *words, network=None, pred={"0": "background", "1": "liver", "2": "lump"}, before=None):
    print("==", name, flush=True)
    try:
        image = {"modality": "CT", "channel_def": {"0": "image"}}
        home = folder(name, network, image, pred)
        if before is not None:
            before(pathlib.Path(home))
        main(["monai", home, str(root / f"{name}.out"), *words])
    except SystemExit as error:
        print("exit", error.code, flush=True)

torch.manual_seed(0)
plain_network = torch.nn.Sequential(torch.nn.Conv3d(1, 8, 3, padding=1), torch.nn.PReLU(), torch.nn.Conv3d(8, 3, 1))
copy = lambda home: shutil.copyfile(root / "good.out" / "model.onnx", home / "models" / "model.onnx")
run("good", "--licence", "CC BY 4.0", network=plain_network)
run("onnx", "--version", "7", before=copy)
run("weightless")
run("outputs", network=plain_network, pred={"0": "background", "1": "liver"})
run("two", network=Two())
run("nameless", network=plain_network, pred={})
run("folds", "--folds", "0", network=plain_network)
"""


def test_a_bundle_becomes_a_model_folder_and_others_are_refused(tmp_path):
    python = python_with_torch()
    (tmp_path / "inference.json").write_text(
        json.dumps(PLAIN | {"window": {"size": [12, 8, 10]}, "device": "$torch.device('cpu')"})
    )
    program = tmp_path / "program.py"  # TorchScript reads the source of a network
    program.write_text(PROGRAM)
    ran = subprocess.run(
        [python, program, tmp_path],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=200,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    said = dict(part.split("\n", 1) for part in ran.stdout.split("== ")[1:])
    assert "good 0.4.1, 2 labels, 1 fold(s)" in said["good"], ran.stdout
    assert "Without a SNOMED CT code: 2 lump" in said["good"]
    card = load_card(tmp_path / "good.out" / "card.json")
    assert (card.licence, card.attribution, card.modalities) == ("CC BY 4.0", "A clinic", ("CT",))
    assert [label.title for label in card.labels] == ["Liver", ""]
    window = np.random.default_rng(0).standard_normal((1, 1, 12, 8, 10)).astype(np.float32)
    assert load_network(tmp_path / "good.out")(window).shape == (1, 3, 12, 8, 10)
    copied = load_card(tmp_path / "onnx.out" / "card.json")
    assert (copied.version, copied.sha256) == ("7", card.sha256)
    for name, sentence in {
        "weightless": "no models/model.ts or model.onnx",
        "outputs": "does not fit its card",
        "two": "several outputs",
        "nameless": "does not name the channels of the output",
        "folds": "--folds and --mirroring are for nnunet",
    }.items():
        assert sentence in said[name], said[name]
        assert "exit" in said[name]
        assert not (tmp_path / f"{name}.out" / "card.json").exists()
