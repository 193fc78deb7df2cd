"""An exported model learns on: its weights are read back, patients held out stay unseen, and a run resumes."""

import subprocess

import pytest

from shared.models.card import CARD, load_card
from tests.training.test_smoke import ROOT, python_with_torch
from training.__main__ import main

SCRIPT = """
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch

from shared.imaging.input_spec import InputSpec
from training.dataset.gather import phantoms
from training.export.cards import card_for
from training.export.to_onnx import export
from training.nets.from_onnx import calibrate, network_from_onnx
from training.nets.networks import ServingNetwork
from training.paired import comparison_table
from training.recipe import Recipe
from training.update import OtherRun, final_network, fold_results, held_out_of, learn, learning_curve, update_folds
from training.update_data import Update, groups_to_learn

services, out = Path("services"), Path(sys.argv[1])
weights = services / "segmenter" / "model.onnx"
network = network_from_onnx("pair", weights)
stacks = np.random.default_rng(0).integers(0, 256, (2, 1, 160, 224), dtype=np.uint8)
(expected,) = ort.InferenceSession(str(weights)).run(None, {"stacks": stacks})
served = ServingNetwork(network, "segmenter").eval()
for _ in range(2):  # as read, then with the statistics of other pictures
    with torch.no_grad():
        print("difference", np.abs(served(torch.from_numpy(stacks)).numpy() - expected).max())
    calibrate(network, [torch.rand(2, 3, 160, 224)])
mean = network.unet.down[0].first[1].running_mean
print("calibrated", bool(mean.abs().max() > 1e-3))

(body,) = phantoms(1)
new = []
for number in range(1, 5):  # four "patients" of two slices each
    few = slice(len(body.data) // 2 + 2 * number, len(body.data) // 2 + 2 * number + 2)
    new.append(replace(body, name=f"p{number}", patient=f"p{number}", data=body.data[few], labels=body.labels[few]))
export(network.unet, card_for("segmenter", "unet", "8", 0.4, InputSpec(channels=1)), out / "before")
recipe = Recipe(steps=2, size=(64, 96), batch=2)
update = Update(out / "before", services / "classifier", new[:3], new[3:], recipe)
pairs = update_folds(out / "run", update, 2)
print(comparison_table(pairs))
print("measured", sorted(result.case.patient for result in pairs.after))
export(final_network(out / "run", update), update.card.model_copy(update={"version": "9"}), out / "model")
seconds = [torch.load(path, weights_only=True)["seconds"] for path in sorted((out / "run").glob("*/*/last.pt"))]
learn(out / "run" / "all", update)
twice = zip(fold_results(out / "run", update, 2), pairs.after, strict=True)
same = all(np.array_equal(one.predicted, other.predicted) for one, other in twice)
print("same", same, held_out_of(out / "run" / "fold0") == sorted(update.fold(0, 2)))
for call in (lambda: learn(out / "run" / "fold0", update), lambda: fold_results(out / "run", update, 3)):
    try:
        call()
    except OtherRun as error:
        print("refused", *str(error).split()[1:])
again = [torch.load(path, weights_only=True)["seconds"] for path in sorted((out / "run").glob("*/*/last.pt"))]
print("resumed", len(seconds), seconds == again)

shape = replace(body, name="shape", patient="p1", kind="shape", data=body.labels)
slices = [
    replace(body, name=f"p{n}", patient=f"p{n}", kind="slices", data=body.data[n::8], labels=body.labels[n::8])
    for n in range(1, 4)
]
many = replace(recipe, half=0, swaps=2, swapped=0.2, partial=0.1, known={"phantom": 0.1}, blend=1.0, new=0.4)
phantom = replace(new[3], name="phantom9")
part = replace(slices[1], name="part")
of_many = replace(update, new=slices, known=[phantom], recipe=many, partial=[part], shapes=[shape])
for held_out in ("p1",), ("p3",):
    groups = groups_to_learn(of_many, held_out)
    learned = sorted({ref.scan.case.patient for each in groups for ref in each.slices})
    print(f"groups-{held_out[0]}", {each.name: round(each.share, 3) for each in groups}, learned)
of_pair = replace(recipe, steps=1, networks=("liteunet",))
old = Update(services / "segmenter", services / "classifier", new[:3], new[3:], of_pair)
update_folds(out / "pair", old, 2)
export(final_network(out / "pair", old, fold=1), old.card.model_copy(update={"version": "10"}), out / "kept")
written = ort.InferenceSession(str(out / "kept" / "model.onnx")).run(None, {"stacks": stacks})[0]
for number in range(2):
    fold = ort.InferenceSession(str(out / "pair" / f"fold{number}" / "model" / "model.onnx"))
    print(f"kept{number}", np.array_equal(fold.run(None, {"stacks": stacks})[0], written))
kept = network_from_onnx("pair", out / "kept" / "model.onnx")
weights = [[part.heads[0].weight for part in (pair.unet, pair.liteunet)] for pair in (network, kept)]
print("parts", [torch.equal(before, after) for before, after in zip(*weights)])
short = replace(update, recipe=replace(recipe, steps=50, minutes=1e-6))
steps = []
for _ in range(2):
    learn(out / "short", short)
    steps.append(torch.load(out / "short" / "unet" / "last.pt", weights_only=True)["step"])
print("short", steps)
curve = [(count, len(pairs.after)) for count, _, pairs in learning_curve(out / "curve", update)]
print("curve", curve)
"""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_model_that_was_exported_learns_on_and_each_new_patient_is_held_out_once(tmp_path):
    command = [python_with_torch(), "-c", SCRIPT, tmp_path]
    done = subprocess.run(command, cwd=ROOT, check=False, timeout=280, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    lines = dict(line.split(" ", 1) for line in done.stdout.splitlines() if not line.startswith("|"))
    differences = [float(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("difference")]
    assert len(differences) == 2
    assert max(differences) < 1e-4
    assert lines["calibrated"] == "True"
    assert lines["measured"] == "['p1', 'p2', 'p3']"
    assert lines["resumed"] == "3 True"
    assert lines["same"] == "True True"
    refused = [line for line in done.stdout.splitlines() if line.startswith("refused")]
    assert [" ".join(line.split()[1:5]) for line in refused] == ["is of a run", "has no model that"]
    # p4 is known; the organ shape is p1's, so without it there is nothing to swap
    assert lines["groups-p1"] == "{'new': 0.4, 'partial': 0.1, 'phantom': 0.5} ['p2', 'p3', 'p4']"
    assert lines["groups-p3"] == ("{'new': 0.4, 'swapped': 0.2, 'partial': 0.1, 'phantom': 0.3} ['p1', 'p2', 'p4']")
    assert (lines["kept0"], lines["kept1"]) == ("False", "True")
    assert lines["parts"] == "[True, False]", "only the LiteUNet has learned"
    assert lines["short"] == "[1, 1]", "time is over after one step, and stays over"
    assert lines["curve"] == "[(1, 2)]", "of three patients, one to learn from and two to measure on"
    assert load_card(tmp_path / "model" / CARD).version == "9"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--hold-out", "p1", "--against", "run"], "leave out --hold-out"),
        (["--hold-out", "p1", "--keep-fold", "0"], "leave out --hold-out"),
        (["--keep-fold", "0", "--folds", "3"], "give --folds 2"),
    ],
)
def test_options_that_do_not_fit_are_refused_before_anything_is_learned(options, sentence):
    with pytest.raises(SystemExit, match=sentence):
        main(["update", "run", "out", "--version", "1", *options])
