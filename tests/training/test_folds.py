"""Networks measured on patients held out: nothing of those patients reaches their training."""

import subprocess

import pytest

from shared.models.card import CARD, load_card
from tests.training.test_smoke import ROOT, python_with_torch

SCRIPT = """
import sys
from dataclasses import replace
from pathlib import Path
from shared.imaging.input_spec import InputSpec
from training.config import classifier_config, segmenter_config
from training.dataset.cases import Case, load_cases, save_case
from training.folds import FoldsConfig, cross_validate
from training.dataset.gather import phantoms
from training.loop import Schedule

out = Path(sys.argv[1])
for number, one in enumerate(phantoms(3), start=1):
    name = f"case{number}_day0"
    middle = len(one.data) // 2
    few = slice(middle - 2, middle + 2)
    case = replace(one, name=name, patient=f"case{number}", data=one.data[few], labels=one.labels[few])
    save_case(case, out / "data" / "cases")
    save_case(replace(case, kind="shape"), out / "data" / "shapes")
save_case(replace(case, name="transplant_case1_day0", patient="case1"), out / "data" / "cases")
schedule, size, alone = Schedule(steps=2, eval_every=50), (64, 96), InputSpec(channels=1)
config = FoldsConfig(
    folds=(("case1",), ("case2", "case3")),
    classifier=classifier_config(schedule=schedule, size=size, batch=2),
    segmenters=(
        segmenter_config(schedule=schedule, size=size, batch=2, options={"widths": (8, 8, 8, 8)}, spec=alone),
        segmenter_config(network="liteunet", schedule=schedule, size=size, batch=2, options={}, spec=alone),
    ),
    organ_swaps=1,
)
print(cross_validate(out / "run", out / "data", config).read_text())
"""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_nothing_of_a_patient_held_out_is_learned_from_and_all_are_measured(tmp_path):
    command = [python_with_torch(), "-c", SCRIPT, tmp_path]
    report = subprocess.run(command, cwd=ROOT, check=True, timeout=280, capture_output=True, text=True).stdout
    assert "12 slices of 3 patients: case1, case2, case3" in report
    swapped = {path.name for path in (tmp_path / "run" / "case1" / "data" / "cases").glob("transplant*")}
    assert swapped == {"transplant_case2_day0.npz", "transplant_case3_day0.npz"}
    alone = (tmp_path / "run" / "case2_case3" / "report" / "report.md").read_text()
    assert "8 slices of 2 patients: case2, case3" in alone
    assert "gut-pair held-out.case2.case3" in alone
    channels = {
        stage: load_card(tmp_path / "run" / "case1" / "models" / stage / CARD).input.channels
        for stage in ("classifier", "segmenter")
    }
    assert channels == {"classifier": 3, "segmenter": 1}
