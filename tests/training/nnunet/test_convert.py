"""Checkpoints become model folders; others are refused. In the training environment, which has torch."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from shared.models.card import Label, load_card
from shared.models.network import load_network
from tests.training.test_smoke import ROOT, python_with_torch

RECORDED = Path(__file__).parents[2] / "services" / "recorded" / "nnunet"

PROGRAM = """
import json, pathlib, shutil, sys
import numpy as np, torch
from training.nnunet.checkpoint import build_network
from training.convert import main

recorded, root = map(pathlib.Path, sys.argv[1:])
text = json.loads((recorded / "plans.json").read_text())
plans = text["configurations"]["3d_fullres"]
options = plans["architecture"]["arch_kwargs"]
old = {
    **{key: value for key, value in plans.items() if key != "architecture"},
    "UNet_class_name": "PlainConvUNet",
    "UNet_base_num_features": 4,
    "unet_max_num_features": 8,
    "n_conv_per_stage_encoder": options["n_conv_per_stage"],
    "n_conv_per_stage_decoder": options["n_conv_per_stage_decoder"],
    "conv_kernel_sizes": options["kernel_sizes"],
    "pool_op_kernel_sizes": options["strides"],
}
primus = {**plans, "architecture": {**plans["architecture"], "network_class_name": "somewhere.Primus"}}
foreign = {**plans, "architecture": {**plans["architecture"], "arch_kwargs": {**options, "nonlin": "os.system"}}}

class Evil:
    def __reduce__(self):
        return print, ("code of a checkpoint ran",)

def folder(name, folds, configuration, built, changes):
    home = root / name
    home.mkdir()
    for fold in folds:
        (home / f"fold_{fold}").mkdir()
        torch.manual_seed(int(fold))
        content = {
            "network_weights": build_network(built, 1, 4).state_dict(),
            "init_args": {"configuration": "3d_fullres", "device": torch.device("cpu")},
            "trainer_name": "nnUNetTrainer",
            "inference_allowed_mirroring_axes": (0, 1, 2),
            "logging": {"dice": [np.float32(0.5), np.float64(0.25)]},
            "_best_ema": np.float64(0.5),
        }
        torch.save(content | changes, home / f"fold_{fold}" / "checkpoint_final.pth")
    (home / "plans.json").write_text(json.dumps(text | {"configurations": {"3d_fullres": configuration}}))
    shutil.copyfile(recorded / "dataset.json", home / "dataset.json")
    return str(home)

def run(name, *words, folds=("0", "1"), configuration=plans, built=plans, **changes):
    print("==", name, flush=True)
    try:
        home = folder(name, folds, configuration, built, changes)
        main(["nnunet", home, str(root / f"{name}.out"), *words])
    except SystemExit as error:
        print("exit", error.code, flush=True)

run("good", "--licence", "CC BY 4.0", "--version", "2.1")
run("one", "--folds", "1", "--mirroring")
run("old", configuration=old, built=old)
run("evil", logging=Evil())
run("other", network_weights={"weight": torch.zeros(1)})
run("missing", "--folds", "3")
run("none", folds=())
run("primus", configuration=primus)
run("foreign", configuration=foreign)
"""


def test_a_checkpoint_becomes_a_model_folder_and_others_are_refused(tmp_path):
    python = python_with_torch()
    if subprocess.run(
        [python, "-c", "import dynamic_network_architectures"], capture_output=True, check=False
    ).returncode:
        pytest.skip("the training environment is older than this test: `./viscera train --help` renews it")
    command = [python, "-c", PROGRAM, RECORDED / "MR", tmp_path]
    ran = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=200, check=False
    )
    assert ran.returncode == 0, ran.stdout
    said = dict(part.split("\n", 1) for part in ran.stdout.split("== ")[1:])
    assert "3 labels, 2 fold(s)" in said["good"]
    assert "Without a SNOMED CT code: 3 tumour" in said["good"]
    card = load_card(tmp_path / "good.out" / "card.json")
    assert [(label.title, label.snomed) for label in card.labels if isinstance(label, Label)] == [
        ("Stomach", "69695003"),
        ("Small bowel", "30315005"),
        ("", None),
    ]
    assert card.input == load_card(RECORDED / "MR" / "card.json").input
    assert (card.licence, card.version) == ("CC BY 4.0", "2.1")
    assert "Mirroring is off" in card.limits[1]
    window = np.random.default_rng(0).standard_normal((1, 1, 8, 32, 32)).astype(np.float32)
    both, one = (load_network(tmp_path / name)(window) for name in ("good.out", "one.out"))
    assert both.shape == one.shape == (1, 4, 8, 32, 32)
    assert not np.allclose(both, one)  # a mean of two differs from the second
    assert json.loads((tmp_path / "one.out" / "card.json").read_text())["input"]["mirroring"]
    assert load_network(tmp_path / "old.out")(window).shape == both.shape
    for name, sentence in {
        "evil": "objects other than numbers (print)",
        "other": "do not fit the network",
        "missing": "no readable fold_3/checkpoint_final.pth",
        "none": "no fold_N/checkpoint_final.pth",
        "primus": "architecture Primus can't be converted",
        "foreign": "os.system, which is not a part of torch.nn",
    }.items():
        assert sentence in said[name]
        assert said[name].rstrip().endswith("exit 1")
        assert not (tmp_path / f"{name}.out" / "card.json").exists()
    assert "code of a checkpoint ran" not in ran.stdout
