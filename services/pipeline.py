"""The three stages in this process, without a server."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from services.classifier import core as classifier
from services.label_maps import write_result
from services.mesher.provenance import provenance_of
from services.mesher.results import Quality
from services.segmenter import core as segmenter
from shared import artifacts, sandbox
from shared.imaging.input_spec import InputSpec
from shared.imaging.volume import Modality
from shared.models import registry
from shared.models.card import CARD, check_channels, load_card
from shared.settings import Settings

Report = Callable[[str, float], None]


def run_scan(
    scan: Path,
    out: Path,
    spacing: tuple[float, float, float] | None = None,
    quality: Quality = "standard",
    *,
    modality: Modality | None = None,
    coverage: bool = True,
    model: Path | None = None,
    report: Report = lambda _stage, _done: None,
) -> None:
    """Turn a scan into `model.glb`, `labels.nii.gz` and `report.json` in `out`.

    `spacing` is (slice, row, column) mm of a PNG stack, `modality` that of a scan whose files do not say it.
    `coverage` is whether slices beyond the part that the model card covers are left out. `model` is the folder of the
    segmenter, by default that of the scan's modality; one that reads volumes needs no classifier. Raises ModelError for
    a folder that can't be used.
    """
    settings = Settings()
    started = time.monotonic()
    report("reading", 0.0)
    volume = sandbox.decode(scan, spacing, modality)
    report("reading", 1.0)
    facts = artifacts.Facts(source=volume.source, modality=volume.modality, warnings=volume.warnings)
    model = model or registry.folder("segmenter", settings, volume.modality)
    card = registry.check_stage(load_card(model / CARD), "segmenter")
    check_channels(1 + len(volume.further), card)
    scores = None
    if isinstance(card.input, InputSpec):
        network = registry.load("classifier", settings)
        done = partial(report, "classifier")
        scores = classifier.classify(volume, network, done, coverage=coverage, sparse=True)
        facts = facts.grown("classifier", time.monotonic() - started, model=registry.fact(network))
    started = time.monotonic()
    network = registry.load("segmenter", settings, model)
    labels = segmenter.segment(volume, scores, network, lambda done: report("segmenter", done))
    seconds = time.monotonic() - started
    facts = facts.grown("segmenter", seconds, warnings=labels.warnings, model=registry.fact(network))
    out.mkdir(parents=True, exist_ok=True)
    artifacts.save_labels(out / artifacts.LABELS, labels)
    write_result(labels, out, provenance_of(facts), quality=quality, progress=lambda done: report("mesher", done))
