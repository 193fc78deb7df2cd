"""What is unusual about a scan for a model: a kind, a voxel size or a field of view that it was not trained on."""

from __future__ import annotations

from shared.models.card import ModelCard

OUT_OF_DOMAIN = "out_of_domain"
"""Code of the warning about such a scan."""
Sizes = tuple[float, float, float]


def doubts(card: ModelCard, modality: str, shape: tuple[int, int, int], spacing: Sizes) -> list[str]:
    """Return one sentence for each thing about a scan that the model's training data did not have.

    `shape` and `spacing` (mm) have the same order of axes, any. `modality` is MR, CT, or empty where it is not known.
    Pixels are the two smaller sides of a voxel, wherever the slices lie.
    """
    found = []
    if modality and modality not in card.modalities:
        found.append(f"The model was trained on {' and '.join(card.modalities)}, and the scan is {modality}.")
    if card.domain is None:
        return found
    (small, rows), (middle, columns), (large, _) = sorted(zip(spacing, shape, strict=True))
    measured = {
        "pixels": (middle, card.domain.pixel_mm),
        "distance between slices": (large, card.domain.slice_mm),
        "field of view": (max(small * rows, middle * columns), card.domain.field_of_view_mm),
    }
    for what, (size, known) in measured.items():
        if known is not None and not known[0] <= size <= known[1]:
            found.append(f"The model was trained on {_range(known)} mm ({what}), and the scan has {size:.3g} mm.")
    return found


def _range(known: tuple[float, float]) -> str:
    return f"{known[0]:g} to {known[1]:g}"
