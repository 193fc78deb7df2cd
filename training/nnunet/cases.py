"""Trains small nnU-Nets with nnU-Net itself, and records its predictions on scans that they have not seen.

`python -m training.nnunet.cases make FOLDER` needs nnU-Net beside the training environment; docs/your-model.md says
how. `python -m training.nnunet.cases record FOLDER` then writes what the tests compare with.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from training.nnunet.phantoms import Phantom, draw, save, turned_affine

RECORDED = Path(__file__).resolve().parents[2] / "tests" / "services" / "recorded" / "nnunet"
TRAINING_SCANS = 6
UNSEEN_SCANS = {6: (0.8, 1.2, 1.1), 7: (1.3, 0.8, 0.85)}
"""Number of each unseen scan, and its voxel size (slice, row, column) as a multiple of that of the training."""


@dataclass(frozen=True, slots=True)
class ReferenceCase:
    """One small training: data set, what nnU-Net plans and how it trains, and what is changed to make it small.

    `labels` is nnU-Net's table (name to id, or to the ids of a region). `patch` is in the axes of the network.
    """

    id: int
    name: str
    phantom: Phantom
    channels: tuple[str, ...]
    labels: dict[str, Any]
    configuration: str
    patch: tuple[int, ...]
    folds: tuple[int, ...] = (0,)
    regions: tuple[int, ...] = ()
    planner: str = "ExperimentPlanner"
    plans: str = "nnUNetPlans"
    mirrors: bool = True
    steps: int = 300

    @property
    def dataset(self) -> str:
        """Return nnU-Net's name of the data set."""
        return f"Dataset{self.id:03d}_{self.name}"


THREE = ((0.5, 0.42, 0.32), (0.45, 0.42, 0.66), (0.6, 0.66, 0.5))
PAIR = ((0.5, 0.5, 0.3), (0.5, 0.5, 0.7))
CASES = (
    ReferenceCase(
        901,
        "CT",
        Phantom((1.6, 1.4, 1.4), (36, 44, 46), -1000.0, ((30.0, 130.0, 220.0, -90.0),), THREE, (0.17, 0.14, 0.15), 25),
        ("CT",),
        {"background": 0, "liver": 1, "spleen": 2, "left kidney": 3},
        "3d_fullres",
        (24, 32, 32),
        folds=(0, 1),
        steps=600,
    ),
    ReferenceCase(
        902,
        "MR",
        Phantom((1.1, 5.0, 1.0), (44, 14, 48), 0.0, ((200.0, 420.0, 90.0, 650.0),), THREE, (0.19, 0.16, 0.17), 30),
        ("T2",),
        {"background": 0, "stomach": 1, "small_bowel": 2, "tumour": 3},
        "3d_fullres",
        (8, 32, 32),
    ),
    ReferenceCase(
        903,
        "Regions",
        Phantom(
            (2.0, 1.5, 1.5),
            (30, 38, 36),
            0.0,
            ((300.0, 420.0, 500.0, 620.0), (80.0, 120.0, 60.0, 180.0)),
            ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
            (0.3, 0.22, 0.13),
            20,
            is_nested=True,
        ),
        ("T1", "rescale_to_0_1"),
        {"background": 0, "whole": [1, 2, 3], "core": [2, 3], "centre": 3},
        "3d_fullres",
        (24, 32, 32),
        regions=(1, 2, 3),
    ),
    ReferenceCase(
        904,
        "Pair",
        Phantom((4.0, 1.2, 1.2), (18, 56, 60), -1000.0, ((30.0, 170.0, 170.0),), PAIR, (0.16, 0.16), 25),
        ("CT",),
        {"background": 0, "right kidney": 1, "left kidney": 2},
        "2d",
        (48, 48),
        planner="nnUNetPlannerResEncM",
        plans="nnUNetResEncUNetMPlans",
        mirrors=False,
        steps=700,
    ),
)


def main() -> None:
    """Make reference cases below a folder, or record what is there for the tests."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("make", "record"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="*", default=[case.name for case in CASES], metavar="CASE")
    parser.add_argument("--to", type=Path, default=RECORDED, help="where to record; default: in the tests")
    options = parser.parse_args()
    for case in CASES:
        if case.name in options.only:
            if options.action == "make":
                make(case, options.folder.resolve())
            else:
                record(options.folder / case.name, options.to / case.name)


def record(home: Path, to: Path) -> None:
    """Write the converted model, the unseen scans and nnU-Net's answers of a case to a folder."""
    from training.nnunet.convert import convert

    shutil.rmtree(to, ignore_errors=True)
    convert(home / "model", to, licence="Apache-2.0")
    for name in ("plans.json", "dataset.json"):
        shutil.copyfile(home / "model" / name, to / name)
    for name in ("scans", "plain", "mirrored"):
        (to / name).mkdir()
        for path in sorted((home / name).glob("*.nii.gz")):
            shutil.copyfile(path, to / name / path.name)


def make(case: ReferenceCase, root: Path) -> None:
    """Write data, train and predict one case; the model's folder is `root/CASE/model`."""
    for name in ("raw", "preprocessed", "results"):
        os.environ[f"nnUNet_{name}"] = str(root / name)  # nnU-Net reads these when it is imported
    os.environ["nnUNet_n_proc_DA"] = "1"  # noqa: SIM112 - nnU-Net's spelling
    write_data(case, root)
    plan(case, root)
    for fold in case.folds:
        train(case, root, fold)
    home = root / case.name
    shutil.rmtree(home / "model", ignore_errors=True)
    shutil.copytree(
        root / "results" / case.dataset / f"nnUNetTrainer__{case.plans}__{case.configuration}", home / "model"
    )
    predict(case, home)


def write_data(case: ReferenceCase, root: Path) -> None:
    """Write the scans of the training in nnU-Net's layout, and the unseen ones into `root/CASE/scans`."""
    raw, unseen = root / "raw" / case.dataset, root / case.name / "scans"
    shutil.rmtree(raw, ignore_errors=True)
    for folder in (raw / "imagesTr", raw / "labelsTr", unseen):
        folder.mkdir(parents=True, exist_ok=True)
    for number in (*range(TRAINING_SCANS), *UNSEEN_SCANS):
        seed = case.id * 100 + number
        channels, labels = draw(case.phantom, seed)
        z, y, x = (a * b for a, b in zip(case.phantom.spacing, UNSEEN_SCANS.get(number, (1.0, 1.0, 1.0)), strict=True))
        affine = turned_affine((z, y, x), seed)
        is_unseen = number in UNSEEN_SCANS
        for channel, image in enumerate(channels):
            save((unseen if is_unseen else raw / "imagesTr") / f"scan{number}_{channel:04d}.nii.gz", image, affine)
        if not is_unseen:
            save(raw / "labelsTr" / f"scan{number}.nii.gz", labels, affine)
    about = {
        "channel_names": {str(number): name for number, name in enumerate(case.channels)},
        "labels": case.labels,
        "numTraining": TRAINING_SCANS,
        "file_ending": ".nii.gz",
    }
    if case.regions:
        about["regions_class_order"] = list(case.regions)
    (raw / "dataset.json").write_text(json.dumps(about))


def plan(case: ReferenceCase, root: Path) -> None:
    """Let nnU-Net plan and preprocess; in between make its network and its patch small."""
    from nnunetv2.experiment_planning import plan_and_preprocess_api as api

    api.extract_fingerprints([case.id], num_processes=1, show_progress_bar=False)
    api.plan_experiments([case.id], case.planner)
    path = root / "preprocessed" / case.dataset / f"{case.plans}.json"
    plans = json.loads(path.read_text())
    shrink(plans["configurations"][case.configuration], case.patch)
    path.write_text(json.dumps(plans, indent=2))
    api.preprocess([case.id], case.plans, (case.configuration,), (1,), show_progress_bar=False)


def shrink(configuration: dict[str, Any], patch: tuple[int, ...]) -> None:
    """Set a small patch and an architecture with few stages and features, in place."""
    kwargs = configuration["architecture"]["arch_kwargs"]
    stages = min(4, kwargs["n_stages"])
    features = (6, 10, 16, 20)
    kwargs["n_stages"], kwargs["features_per_stage"] = stages, list(features[:stages])
    kwargs["kernel_sizes"], kwargs["strides"] = kwargs["kernel_sizes"][:stages], kwargs["strides"][:stages]
    for name in ("n_conv_per_stage", "n_blocks_per_stage"):
        if name in kwargs:
            kwargs[name] = [1] * stages
    kwargs["n_conv_per_stage_decoder"] = [1] * (stages - 1)
    configuration["patch_size"], configuration["batch_size"] = list(patch), 2


def train(case: ReferenceCase, root: Path, fold: int) -> None:
    """Train one fold for one short epoch; the checkpoint is nnU-Net's."""
    import torch
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    folder = root / "preprocessed" / case.dataset
    trainer = nnUNetTrainer(
        plans=json.loads((folder / f"{case.plans}.json").read_text()) | {"continue_training": False},
        configuration=case.configuration,
        fold=fold,
        dataset_json=json.loads((folder / "dataset.json").read_text()),
        device=torch.device("cpu"),
    )
    trainer.num_epochs, trainer.num_iterations_per_epoch, trainer.num_val_iterations_per_epoch = 1, case.steps, 1
    if not case.mirrors:
        _disable_mirroring(trainer)
    torch.set_num_threads(1)  # small layers are slower on several threads
    torch.manual_seed(fold)
    np.random.seed(fold)
    trainer.run_training()


def _disable_mirroring(trainer: Any) -> None:
    """Do what nnUNetTrainerNoMirroring does; nnU-Net's search for that class imports packages that need CUDA."""
    configure = trainer.configure_rotation_dummyDA_mirroring_and_inital_patch_size

    def without_mirroring() -> tuple[Any, ...]:
        rotation, dummy, size, _ = configure()
        trainer.inference_allowed_mirroring_axes = None
        return rotation, dummy, size, None

    trainer.configure_rotation_dummyDA_mirroring_and_inital_patch_size = without_mirroring


def predict(case: ReferenceCase, home: Path) -> None:
    """Record the label maps of nnU-Net's own command, with and without mirroring."""
    command = shutil.which("nnUNetv2_predict_from_modelfolder", path=str(Path(sys.executable).parent))
    if command is None:
        raise SystemExit("nnU-Net is not installed in this environment; docs/your-model.md says how.")
    folds = [str(fold) for fold in case.folds]
    for name, more in (("mirrored", []), ("plain", ["--disable_tta"])):
        words = [command, "-i", str(home / "scans"), "-o", str(home / name), "-m", str(home / "model"), "-f", *folds]
        subprocess.run([*words, "-device", "cpu", "-npp", "1", "-nps", "1", *more], check=True)


if __name__ == "__main__":
    main()
