"""The classifier's task: decodes the scan in the sandbox, scores its slices, publishes both."""

import time

from services.classifier import core
from shared import artifacts, sandbox
from shared.imaging.volume import SliceScores, Volume
from shared.models.network import Network
from shared.models.registry import describe, fact, load, segmenter_reads_volumes
from shared.settings import Settings
from shared.worker.stage import stage
from shared.worker.work import Work


def load_tool(settings: Settings) -> Network | None:
    """Return the classifier's network, or None beside a segmenter that reads volumes: it reads every slice.

    Raises ModelError for a model that can't be used.
    """
    return None if segmenter_reads_volumes(settings) else load("classifier", settings)


@stage("classifier", load=load_tool, describe=lambda network: network and describe(network))
def classifier(work: Work) -> None:
    """From the scan to the volume and the slice scores."""
    started = time.monotonic()
    spacing = work.job.options.get("spacing")
    with work.scan() as path:
        volume = sandbox.decode(path, tuple(spacing) if spacing else None, work.job.options.get("modality"))
    work.progress(0.3)
    scores = core.every_slice(volume) if work.tool is None else _scores(work, volume)
    artifacts.save_volume(work.output(artifacts.VOLUME), volume)
    artifacts.save_scores(work.output(artifacts.SCORES), scores)
    facts = artifacts.Facts(source=volume.source, modality=volume.modality, warnings=volume.warnings)
    facts = facts.grown("classifier", time.monotonic() - started, model=work.tool and fact(work.tool))
    work.output(artifacts.facts_name("classifier")).write_text(facts.model_dump_json())


def _scores(work: Work, volume: Volume) -> SliceScores:
    coverage = work.job.options.get("coverage", True)
    return core.classify(
        volume, work.tool, lambda done: work.progress(0.3 + 0.6 * done), coverage=coverage, sparse=True
    )
