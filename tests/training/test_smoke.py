"""The training pipeline, whole and small, where its environment is."""

import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from shared.imaging.phantoms import abdomen

ROOT = Path(__file__).parents[2]


def python_with_torch() -> Path:
    """The training environment's Python, or a skip that says how to make it."""
    python = Path(os.environ.get("VISCERA_TRAINING_PYTHON", ROOT / "training" / ".venv" / "bin" / "python"))
    if not python.is_file():
        pytest.skip("the training environment is not here: `./viscera train --help` makes it")
    return python


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_prepare_train_export_and_evaluate_on_phantoms_give_a_pair_that_serves(tmp_path):
    from services.classifier.core import classify
    from services.segmenter.core import segment
    from shared.models.network import load_network

    out = tmp_path / "smoke"
    command = [python_with_torch(), "-m", "training", "--threads", "2", "smoke", "--out", out]
    subprocess.run(command, cwd=ROOT, check=True, timeout=800)
    assert re.search(r"^\| stomach \| [01]\.\d{3}", (out / "report" / "report.md").read_text(), re.MULTILINE)
    pictures = {path.name for path in (out / "report").glob("*.png")}
    assert pictures == {"roc.png", "confusion.png", "best.png", "worst.png"}
    phantom = abdomen(seed=7)
    scores = classify(phantom.volume, load_network(out / "classifier"))
    predicted = segment(phantom.volume, scores, load_network(out / "segmenter")).data
    for organ in (1, 2, 3):
        reference = phantom.labels.data == organ
        assert 2 * (reference & (predicted == organ)).sum() / (reference.sum() + (predicted == organ).sum()) > 0.5
    assert np.array_equal(
        scores.keep | ~(phantom.labels.data > 0).any(axis=(1, 2)), np.ones(len(scores.keep), dtype=bool)
    )
