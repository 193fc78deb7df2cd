"""Makes small MONAI bundles and records what MONAI itself answers on scans that they have not seen.

`python -m training.bundles.cases FOLDER` needs MONAI beside the training environment; docs/your-model.md says how. Each
bundle is trained for a minute on computed scans, run by its own configuration, converted, and written for the tests.
"""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch

from training.bundles.convert import convert
from training.nnunet.phantoms import Phantom, draw, save, turned_affine

RECORDED = Path(__file__).resolve().parents[2] / "tests" / "services" / "recorded" / "monai"
UNSEEN_SCANS = {6: (0.8, 1.2, 1.1), 7: (1.3, 0.8, 0.85)}
"""Number of each unseen scan, and its voxel size (slice, row, column) as a multiple of that of the training."""
TRAINING_SCANS = 4
THREE = ((0.5, 0.42, 0.32), (0.45, 0.42, 0.66), (0.6, 0.66, 0.5))
LOAD = [{"_target_": "LoadImaged", "keys": "@image_key"}, {"_target_": "EnsureChannelFirstd", "keys": "@image_key"}]
INVERT = {"_target_": "Invertd", "keys": "pred", "transform": "@preprocessing", "orig_keys": "@image_key"}


@dataclass(frozen=True, slots=True)
class BundleCase:
    """One bundle: how its scans look, its labels, and what is special in its configuration.

    `steps` are the transforms after the image is read; `after` those behind the network.
    """

    name: str
    phantom: Phantom
    labels: tuple[str, ...]
    steps: tuple[dict[str, Any], ...]
    inferer: dict[str, Any]
    after: tuple[dict[str, Any], ...]
    modality: str
    channels: tuple[str, ...] = ("image",)

    @property
    def outputs(self) -> int:
        """Return the channels of the network's output."""
        return len(self.labels) + (len(self.labels) > 1)


def transform(name: str, **options: Any) -> dict[str, Any]:
    """Return the configuration of one transform."""
    return {"_target_": name, "keys": "@image_key", **options}


def after(name: str, **options: Any) -> dict[str, Any]:
    """Return the configuration of one transform behind the network."""
    return {"_target_": name, "keys": "pred", **options}


CASES = (
    BundleCase(
        "Range",
        Phantom((1.6, 1.4, 1.4), (36, 44, 46), -1000.0, ((30.0, 130.0, 220.0, -90.0),), THREE, (0.17, 0.14, 0.15), 25),
        ("liver", "spleen", "left kidney"),
        (
            transform("Orientationd", axcodes="RAS"),
            transform("Spacingd", pixdim=[1.5, 1.7, 2.1], mode="bilinear"),
            transform("ScaleIntensityRanged", a_min=-160, a_max=240, b_min=0, b_max=1, clip=True),
        ),
        {"roi_size": [32, 32, 24], "overlap": 0.5},
        (after("Activationsd", softmax=True), INVERT | {"nearest_interp": False}, after("AsDiscreted", argmax=True)),
        "CT",
    ),
    BundleCase(
        "Nonzero",
        Phantom((2.3, 1.2, 1.3), (30, 44, 48), 0.0, ((200.0, 420.0, 90.0, 650.0),), THREE, (0.19, 0.16, 0.17), 30),
        ("stomach", "small_bowel", "tumour"),
        (
            transform("Orientationd", axcodes="LPS"),
            transform("NormalizeIntensityd", nonzero=True, channel_wise=True),
            transform("Spacingd", pixdim=[1.7, 1.4, 1.9], mode="bilinear"),
        ),
        {"roi_size": [24, 32, 16], "overlap": 0.25, "mode": "gaussian"},
        (after("AsDiscreted", argmax=True), INVERT | {"nearest_interp": True}),
        "MR",
    ),
    BundleCase(
        "Single",
        Phantom((2.0, 1.5, 1.5), (30, 38, 36), 0.0, ((300.0, 460.0), (80.0, 150.0)), THREE[:1], (0.24,), 20),
        ("prostate",),
        (
            transform("Spacingd", pixdim=[1.7, 1.6, 1.8], mode="bilinear"),
            transform("ScaleIntensityd", channel_wise=True),
            transform("NormalizeIntensityd", channel_wise=True),
        ),
        {"roi_size": [24, 24, 24], "overlap": 0.6, "mode": "gaussian"},
        (
            after("Activationsd", sigmoid=True),
            INVERT | {"nearest_interp": False},
            after("AsDiscreted", threshold=0.5),
        ),
        "MRI",
        ("T2", "ADC"),
    ),
)


def main() -> None:
    """Make all cases below a folder and record them for the tests."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="*", default=[case.name for case in CASES], metavar="CASE")
    parser.add_argument("--to", type=Path, default=RECORDED, help="where to record; default: in the tests")
    options = parser.parse_args()
    for case in CASES:
        if case.name in options.only:
            home = options.folder.resolve() / case.name
            shutil.rmtree(home, ignore_errors=True)
            write_bundle(case, home)
            train(case, home)
            record(case, home, options.to / case.name)


def write_bundle(case: BundleCase, home: Path) -> None:
    """Write the two configurations of a bundle."""
    network = {
        "_target_": "UNet",
        "spatial_dims": 3,
        "in_channels": len(case.channels),
        "out_channels": case.outputs,
        "channels": [8, 16, 16],
        "strides": [2, 2],
        "norm": "batch",
    }
    inference = {
        "imports": ["$import glob"],
        "bundle_root": ".",
        "image_key": "image",
        "device": "$torch.device('cpu')",
        "network_def": network,
        "network": "$@network_def.to(@device)",
        "preprocessing": {"_target_": "Compose", "transforms": [*LOAD, *case.steps, transform("EnsureTyped")]},
        "inferer": {"_target_": "SlidingWindowInferer", "sw_batch_size": 2, "device": "@device", **case.inferer},
        "postprocessing": {
            "_target_": "Compose",
            "transforms": [*case.after, after("SaveImaged", output_dir="$@bundle_root + '/eval'")],
        },
    }
    names = case.labels if case.outputs == 1 else ("background", *case.labels)
    image = {"modality": case.modality, "channel_def": {str(n): name for n, name in enumerate(case.channels)}}
    pred = {"channel_def": {str(n): name for n, name in enumerate(names)}}
    form = {"inputs": {"image": image}, "outputs": {"pred": pred}}
    metadata = {"name": case.name, "version": "0.1", "network_data_format": form}
    for folder in ("configs", "models", "scans", "answers"):
        (home / folder).mkdir(parents=True)
    for name, content in (("inference", inference), ("metadata", metadata)):
        (home / "configs" / f"{name}.json").write_text(json.dumps(content, indent=1), encoding="utf-8")


def write_scan(case: BundleCase, home: Path, seed: int, scale: tuple[float, float, float]) -> tuple[list[Path], Path]:
    """Write the images and the outlines of one scan, on an oblique grid; return their files."""
    spacing = tuple(size * factor for size, factor in zip(case.phantom.spacing, scale, strict=True))
    images, labels = draw(case.phantom, seed)
    affine = turned_affine((spacing[0], spacing[1], spacing[2]), seed)
    paths = [home / "scans" / f"scan{seed}_{number:04d}.nii.gz" for number in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        save(path, image, affine)
    outlines = home / "scans" / f"outlines{seed}.nii.gz"
    save(outlines, labels, affine)
    return paths, outlines


def train(case: BundleCase, home: Path, steps: int = 150) -> None:
    """Train the network of a bundle on windows of its own preprocessing and write it as TorchScript."""
    from monai.bundle import ConfigParser
    from monai.losses import DiceCELoss
    from monai.transforms import RandCropByPosNegLabeld

    parser = ConfigParser(json.loads((home / "configs" / "inference.json").read_text()))
    parser["preprocessing"]["transforms"] = [_with_outlines(step) for step in parser["preprocessing"]["transforms"]]
    preprocess = parser.get_parsed_content("preprocessing")
    scans = [write_scan(case, home, seed, (1.0, 1.0, 1.0)) for seed in range(TRAINING_SCANS)]
    ready = [preprocess({"image": [str(path) for path in paths], "label": str(out)}) for paths, out in scans]
    crop = RandCropByPosNegLabeld(
        ("image", "label"), "label", case.inferer["roi_size"], pos=3, neg=1, num_samples=2, allow_smaller=False
    )
    torch.manual_seed(0)
    network = parser.get_parsed_content("network_def")
    loss = DiceCELoss(softmax=case.outputs > 1, sigmoid=case.outputs == 1, to_onehot_y=case.outputs > 1)
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    for step in range(steps):
        windows = crop(ready[step % len(ready)])
        image, label = (torch.stack([torch.as_tensor(each[key]) for each in windows]) for key in ("image", "label"))
        optimiser.zero_grad()
        value = loss(network(image.float()), label.float())
        value.backward()
        optimiser.step()
    print(f"{case.name}: loss {float(value.detach()):.3f}")
    torch.jit.script(network.eval()).save(str(home / "models" / "model.ts"))
    torch.save(network.state_dict(), home / "models" / "model.pt")
    shutil.rmtree(home / "scans")
    (home / "scans").mkdir()


def _with_outlines(step: dict[str, Any]) -> dict[str, Any]:
    """Return a transform that also moves the outlines, where it moves the image."""
    if step["_target_"] == "Spacingd":
        return step | {"keys": ["image", "label"], "mode": ["bilinear", "nearest"]}
    moves = step["_target_"] in {"LoadImaged", "EnsureChannelFirstd", "Orientationd", "EnsureTyped"}
    return step | {"keys": ["image", "label"]} if moves else step


def predict(case: BundleCase, home: Path, paths: list[Path], answer: Path) -> None:
    """Write MONAI's own label map of a scan, by the bundle's configuration."""
    from monai.bundle import ConfigParser

    parser = ConfigParser(json.loads((home / "configs" / "inference.json").read_text()))
    parser["postprocessing"]["transforms"] = list(case.after)
    data = parser.get_parsed_content("preprocessing")({"image": [str(path) for path in paths]})
    network = torch.jit.load(str(home / "models" / "model.ts")).eval()
    with torch.no_grad():
        data["pred"] = parser.get_parsed_content("inferer")(data["image"][None].float(), network)[0]
    labels = parser.get_parsed_content("postprocessing")(data)["pred"]
    affine = nib.Nifti1Image.from_filename(paths[0]).affine
    nib.save(nib.Nifti1Image(np.asarray(labels)[0].astype(np.uint8), affine), answer)


def record(case: BundleCase, home: Path, to: Path) -> None:
    """Write the bundle, its model folder, unseen scans and MONAI's answers to a folder."""
    for seed, scale in UNSEEN_SCANS.items():
        paths, outlines = write_scan(case, home, seed, scale)
        outlines.unlink()
        predict(case, home, paths, home / "answers" / f"scan{seed}.nii.gz")
    shutil.rmtree(to, ignore_errors=True)
    convert(home, to, licence="Apache-2.0")
    for name in ("scans", "answers", "configs"):
        shutil.copytree(home / name, to / name)


if __name__ == "__main__":
    main()
