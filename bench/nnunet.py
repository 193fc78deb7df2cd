"""Time and memory beside nnU-Net's own prediction: the same network, scan, processor and threads, without mirroring.

    training/.venv/bin/python -m bench.nnunet FOLDER --classes 60      (needs nnU-Net; docs/your-model.md says how)

The network is a PlainConvUNet of 31 million parameters with random weights: its speed does not depend on them. Both
sides are whole processes from the scan's file to the file of its label map. Memory is the peak of the largest process,
which favours nnU-Net: it resamples in a second one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from shared.imaging.geometry import Geometry
from training.nnunet.phantoms import save

ROOT = Path(__file__).parents[1]
FEATURES = [32, 64, 128, 256, 320, 320]
SPACING = 1.5
OURS = """
import sys
from pathlib import Path
from services.segmenter.core import segment
from shared.artifacts import save_labels
from shared.imaging.formats import read_scan
from shared.models.network import load_network
scan, model, out = map(Path, sys.argv[1:4])
network = load_network(model, sys.argv[5], threads=int(sys.argv[4]))
save_labels(out, segment(read_scan(scan, modality="CT"), None, network))
"""
ALONE = """
import sys, time
import numpy as np
from shared.models.network import load_network
network = load_network(__import__("pathlib").Path(sys.argv[1]), sys.argv[4], threads=int(sys.argv[2]))
window = np.zeros((1, 1, *network.card.input.patch), dtype=np.float32)
for _ in range(int(sys.argv[3])):
    network(window)
"""


def main() -> None:
    """Measure both sides and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--classes", type=int, default=60, help="labels without the background")
    parser.add_argument("--patch", type=int, default=64)
    parser.add_argument("--shape", type=int, nargs=3, default=(80, 150, 150), metavar=("Z", "Y", "X"))
    parser.add_argument("--spacing", type=float, nargs=3, default=(2.0, 1.0, 1.0), metavar=("Z", "Y", "X"))
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--provider", choices=("cpu", "openvino"), default="cpu", help="of Viscera and the network alone"
    )
    options = parser.parse_args()
    folder = options.folder.resolve()
    scan = write_scan(folder / "scans", tuple(options.shape), tuple(options.spacing))
    # In a process of its own: a new process inherits the peak memory of the one that starts it.
    prepared = get_context("spawn").Process(target=prepare, args=(folder, options.classes, options.patch))
    prepared.start()
    prepared.join()
    python = str(ROOT / ".venv" / "bin" / "python")
    predict = str(Path(sys.executable).parent / "nnUNetv2_predict_from_modelfolder")
    words = ["-i", str(scan.parent), "-o", str(folder / "theirs"), "-m", str(folder / "model"), "-f", "0"]
    size = [max(round(n * s / SPACING), options.patch) for n, s in zip(options.shape, options.spacing, strict=True)]
    windows = int(np.prod([int(np.ceil((n - options.patch) / (options.patch / 2))) + 1 for n in size]))
    threads, model, provider = str(options.threads), str(folder / "converted"), options.provider
    results = {
        "viscera": measure(
            [python, "-P", "-c", OURS, str(scan), model, str(folder / "ours.nii.gz"), threads, provider]
        ),
        "network alone": measure([python, "-P", "-c", ALONE, model, threads, str(windows), provider]),
        "nnU-Net": measure([predict, *words, "-device", "cpu", "-npp", "1", "-nps", "1", "--disable_tta"]),
    }
    about = {"classes": options.classes, "windows": windows, "threads": options.threads, "provider": provider}
    print(json.dumps({**about, **results}, indent=2))


def prepare(folder: Path, classes: int, patch: int) -> None:
    """Write nnU-Net's folder and the converted one."""
    from training.nnunet.convert import convert

    write_model(folder / "model", classes, patch)
    convert(folder / "model", folder / "converted", licence="Apache-2.0")


def measure(command: list[str]) -> dict[str, float]:
    """Run a command; return its seconds, its processor seconds and the peak memory of its largest process in MB."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    started = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, **quiet)  # type: ignore[call-overload]
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[0]} ended with {process.returncode}")
    seconds = time.monotonic() - started
    return {
        "seconds": round(seconds, 1),
        "processor_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_mb": round(usage.ru_maxrss / 1024, 0),
    }


def write_scan(folder: Path, shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> Path:
    """Write a scan of noise around soft tissue."""
    folder.mkdir(parents=True, exist_ok=True)
    data = np.random.default_rng(0).normal(40.0, 30.0, shape).astype(np.float32)
    path = folder / "noise_0000.nii.gz"
    save(path, data, Geometry.from_spacing(shape, spacing).ras)
    return path


def write_model(folder: Path, classes: int, patch: int) -> None:
    """Write a folder as nnU-Net leaves it, with random weights."""
    import torch

    from training.nnunet.checkpoint import build_network
    from training.nnunet.convert import CHECKPOINT

    stages = len(FEATURES)
    resampling = {"is_seg": False, "order_z": 0, "force_separate_z": None}
    configuration: dict[str, Any] = {
        "preprocessor_name": "DefaultPreprocessor",
        "patch_size": [patch] * 3,
        "spacing": [SPACING] * 3,
        "normalization_schemes": ["CTNormalization"],
        "use_mask_for_norm": [False],
        "resampling_fn_data": "resample_data_or_seg_to_shape",
        "resampling_fn_data_kwargs": {**resampling, "order": 3},
        "resampling_fn_seg": "resample_data_or_seg_to_shape",
        "resampling_fn_seg_kwargs": {**resampling, "is_seg": True, "order": 1},
        "resampling_fn_probabilities": "resample_data_or_seg_to_shape",
        "resampling_fn_probabilities_kwargs": {**resampling, "order": 1},
        "architecture": {
            "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
            "arch_kwargs": {
                "n_stages": stages,
                "features_per_stage": FEATURES,
                "conv_op": "torch.nn.modules.conv.Conv3d",
                "kernel_sizes": [[3, 3, 3]] * stages,
                "strides": [[1, 1, 1], *[[2, 2, 2]] * (stages - 1)],
                "n_conv_per_stage": [2] * stages,
                "n_conv_per_stage_decoder": [2] * (stages - 1),
                "conv_bias": True,
                "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
                "norm_op_kwargs": {"eps": 1e-5, "affine": True},
                "dropout_op": None,
                "dropout_op_kwargs": None,
                "nonlin": "torch.nn.LeakyReLU",
                "nonlin_kwargs": {"inplace": True},
            },
            "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
        },
    }
    statistics = {"mean": 40.0, "std": 30.0, "percentile_00_5": -100.0, "percentile_99_5": 200.0}
    plans = {
        "dataset_name": "Dataset905_Speed",
        "plans_name": "nnUNetPlans",
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "foreground_intensity_properties_per_channel": {"0": statistics},
        "configurations": {"3d_fullres": configuration},
    }
    labels = {"background": 0} | {f"part_{number}": number for number in range(1, classes + 1)}
    dataset = {"channel_names": {"0": "CT"}, "labels": labels, "file_ending": ".nii.gz", "numTraining": 1}
    (folder / "fold_0").mkdir(parents=True, exist_ok=True)
    (folder / "plans.json").write_text(json.dumps(plans))
    (folder / "dataset.json").write_text(json.dumps(dataset))
    torch.manual_seed(0)
    checkpoint = {
        "network_weights": build_network(configuration, 1, classes + 1).state_dict(),
        "init_args": {"configuration": "3d_fullres"},
        "trainer_name": "nnUNetTrainer",
        "inference_allowed_mirroring_axes": (0, 1, 2),
    }
    torch.save(checkpoint, folder / "fold_0" / CHECKPOINT)


if __name__ == "__main__":
    main()
