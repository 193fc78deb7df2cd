"""The segmenter's task: reads volume and slice scores, publishes the label map."""

import io
import time
from dataclasses import dataclass

from services.segmenter import core
from shared import artifacts
from shared.imaging.volume import LabelMap
from shared.ledger.early import Slab
from shared.models.registry import fact
from shared.models.shelf import Shelf, open_shelf
from shared.telemetry.metrics import meters
from shared.worker.stage import stage
from shared.worker.work import Work


@dataclass(frozen=True, slots=True)
class Early:
    """Shows the finished slices of a job to those who look at it."""

    work: Work

    def is_wanted(self) -> bool:
        """Return whether somebody looks."""
        return self.work.wants_early()

    def show(self, axis: int, start: int, labels: LabelMap) -> None:
        """Show slices from `start` on along an axis of the scan's grid."""
        packed = io.BytesIO()
        artifacts.pack_labels(packed, labels, level=1)
        self.work.show_early(Slab(axis, start, start + labels.data.shape[axis]), packed.getvalue())


@stage("segmenter", load=open_shelf, describe=Shelf.describe)
def segmenter(work: Work) -> None:
    """From the volume and the slice scores to the label map."""
    started = time.monotonic()
    with work.input(artifacts.VOLUME) as path:
        volume = artifacts.load_volume(path)
    with work.input(artifacts.SCORES) as path:
        scores = artifacts.load_scores(path)
    with work.input(artifacts.facts_name("classifier")) as path:
        facts = artifacts.Facts.model_validate_json(path.read_bytes())

    def progress(done: float) -> None:
        artifacts.release_pages(volume)
        work.progress(done)

    shelf: Shelf = work.tool
    key = work.job.model or shelf.default(volume.modality)
    work.use_model(key)  # before it is loaded: where that fails, the job's failure is the model's
    network = shelf.network(volume.modality, key)
    labels = core.segment(volume, scores, network, progress, early=Early(work))
    artifacts.save_labels(work.output(artifacts.LABELS), labels)
    work.describe(modality=volume.modality, model=network.card.name)
    seconds = time.monotonic() - started
    meters().model_seconds.labels(network.card.name, network.card.version).observe(seconds)
    facts = facts.grown("segmenter", seconds, warnings=labels.warnings, model=fact(network))
    facts = facts.model_copy(update={"organs": labels.organs, "confidence": labels.confidence})
    work.output(artifacts.facts_name("segmenter")).write_text(facts.model_dump_json())
