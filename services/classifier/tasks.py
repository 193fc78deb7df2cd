"""The classifier's task: decodes the scan in the sandbox, scores its slices, publishes both."""

import time
from dataclasses import dataclass
from typing import Any

from services.classifier import core
from shared import artifacts, sandbox
from shared.imaging.volume import SliceScores, Volume
from shared.models.network import Network
from shared.models.registry import describe, fact, load
from shared.models.shelf import reads_volumes
from shared.settings import Settings
from shared.worker.stage import stage
from shared.worker.work import Work


@dataclass(slots=True)
class Tool:
    """The classifier's network, loaded when a job needs it: a segmenter that reads volumes needs no scores."""

    settings: Settings
    _network: Network | None = None

    @property
    def network(self) -> Network:
        """Return the network. Raises ModelError for a model that can't be used."""
        self._network = self._network or load("classifier", self.settings)
        return self._network

    @property
    def provider(self) -> str:
        """Return the execution provider."""
        return "none" if self._network is None else self._network.provider

    def describe(self) -> dict[str, Any] | None:
        """Return what the ledger keeps about the network, None before a job needed it."""
        return None if self._network is None else describe(self._network)


def load_tool(settings: Settings) -> Tool:
    """Return the classifier, loaded unless the default segmenter reads volumes.

    Raises ModelError for a model that can't be used.
    """
    tool = Tool(settings)
    if not reads_volumes(settings):
        tool.network  # noqa: B018 - loads it before the first job
    return tool


@stage("classifier", load=load_tool, describe=Tool.describe)
def classifier(work: Work) -> None:
    """From the scan to the volume and the slice scores."""
    started = time.monotonic()
    spacing = work.job.options.get("spacing")
    with work.scan() as path:
        volume = sandbox.decode(path, tuple(spacing) if spacing else None, work.job.options.get("modality"))
    work.progress(0.3)
    tool: Tool = work.tool
    model = work.model(volume.modality, len(volume.images))  # fixed here: the segmenter must run the same one
    network = None if reads_volumes(tool.settings, volume.modality, model) else tool.network
    scores = core.every_slice(volume) if network is None else _scores(work, volume, network)
    artifacts.save_volume(work.output(artifacts.VOLUME), volume)
    artifacts.save_scores(work.output(artifacts.SCORES), scores)
    facts = artifacts.Facts(source=volume.source, modality=volume.modality, warnings=volume.warnings)
    facts = facts.grown("classifier", time.monotonic() - started, model=None if network is None else fact(network))
    work.output(artifacts.facts_name("classifier")).write_text(facts.model_dump_json())


def _scores(work: Work, volume: Volume, network: Network) -> SliceScores:
    coverage = work.job.options.get("coverage", True)
    return core.classify(volume, network, lambda done: work.progress(0.3 + 0.6 * done), coverage=coverage, sparse=True)
