"""The classifier's task: decodes the scan in the sandbox, scores its slices, publishes both."""

import time

from services.classifier import core
from shared import artifacts, sandbox
from shared.models.registry import describe, fact, load
from shared.worker.stage import stage
from shared.worker.work import Work


@stage("classifier", load=lambda settings: load("classifier", settings), describe=describe)
def classifier(work: Work) -> None:
    """From the scan to the volume and the slice scores."""
    started = time.monotonic()
    spacing = work.job.options.get("spacing")
    with work.scan() as path:
        volume = sandbox.decode(path, tuple(spacing) if spacing else None, work.job.options.get("modality"))
    work.progress(0.3)
    coverage = work.job.options.get("coverage", True)
    scores = core.classify(volume, work.tool, lambda done: work.progress(0.3 + 0.6 * done), coverage=coverage)
    artifacts.save_volume(work.output(artifacts.VOLUME), volume)
    artifacts.save_scores(work.output(artifacts.SCORES), scores)
    facts = artifacts.Facts(source=volume.source, modality=volume.modality, warnings=volume.warnings)
    facts = facts.grown("classifier", time.monotonic() - started, model=fact(work.tool))
    work.output(artifacts.facts_name("classifier")).write_text(facts.model_dump_json())
