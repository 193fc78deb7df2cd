"""Runs a model on the scans of ended jobs, and counts how its outlines differ from the results. It publishes nothing.

    python -P -m services.segmenter.shadow MODEL --share N

This is a process of its own at the lowest priority: no job waits for it, and no worker loads its network.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from services.segmenter import core
from services.segmenter.agreement import Agreement, agreement
from shared import artifacts
from shared.errors import NotFound, Unavailable, VisceraError
from shared.imaging.volume import LabelMap, Volume
from shared.imaging.volume_input import VolumeInput
from shared.ledger import Ledger, jobs, open_ledger, shadows
from shared.ledger.models import KnownModel
from shared.models import registry
from shared.models.network import Network
from shared.operations.interrupts import exit_when_interrupted
from shared.settings import Settings
from shared.storage.base import Store, checked_file
from shared.storage.connect import open_store
from shared.telemetry import log

logger = logging.getLogger("viscera.shadow")
SECONDS = 2.0
"""Between two looks for a job that has ended."""
NEEDED = (artifacts.VOLUME, artifacts.SCORES, artifacts.LABELS, artifacts.facts_name("segmenter"))
Report = Callable[[Mapping[str, Agreement]], None]


@dataclass(frozen=True, slots=True)
class Shadow:
    """A model that is compared with the results of `share` percent of the jobs."""

    ledger: Ledger
    store: Store
    network: Network
    share: int

    def introduce(self) -> None:
        """Record name and version of the model, under which the metrics show it."""
        card = self.network.card
        with self.ledger.write() as connection:
            shadows.introduce(connection, KnownModel(card.key, card.name, card.version, offered=False))

    def compare_next(self, report: Report = lambda _: None) -> bool:
        """Compare with one result and pass the agreement to `report`; return False if no job is due.

        A result that can't be compared, or that was erased meanwhile, is left out.
        """
        with self.ledger.write() as connection:
            job_id = shadows.claim(connection, self.network.card.key, self.share)
        if job_id is None:
            return False
        try:
            label_maps = self._label_maps(job_id)
        except (NotFound, KeyError):
            label_maps = None
        if label_maps is not None:
            found = agreement(*label_maps)
            self._record(found)
            report(found)
        return True

    def _record(self, found: Mapping[str, Agreement]) -> None:
        dice = {organ: each.dice for organ, each in found.items()}
        difference = {organ: each.difference_ml for organ, each in found.items()}
        with self.ledger.write() as connection:
            shadows.record(connection, self.network.card.key, dice, difference)

    def _label_maps(self, job_id: str) -> tuple[LabelMap, LabelMap] | None:
        """Return the algorithm's label map of a job and that of this model; None where it would not get the job."""
        with self.ledger.read() as connection:
            published = jobs.published(connection, job_id)
        with ExitStack() as stack:
            volume_file, scores_file, labels_file, facts_file = (
                stack.enter_context(checked_file(self.store, published[name].key, published[name].sha256))
                for name in NEEDED
            )
            facts = artifacts.Facts.model_validate_json(facts_file.read_bytes())
            volume = artifacts.load_volume(volume_file)
            if not self._suits(facts, volume):
                return None
            scores = artifacts.load_scores(scores_file)
            result = replace(artifacts.load_labels(labels_file), organs=facts.organs)
            return result, core.segment(volume, scores, self.network, lambda _: artifacts.release_pages(volume))

    def _suits(self, facts: artifacts.Facts, volume: Volume) -> bool:
        """Return whether the model reads such a scan, and has the scores that it would get.

        Where the result is of a model that reads volumes, no slice was scored.
        """
        card = self.network.card
        is_scored = len(facts.models) > 1
        reads = volume.modality in card.modalities and len(volume.images) == card.channels
        return reads and (is_scored or isinstance(card.input, VolumeInput))


def run(shadow: Shadow, report: Report, stop: threading.Event) -> None:
    """Compare until asked to stop; while ledger or store are unavailable, wait."""
    os.nice(19)
    while not stop.is_set():
        try:
            if shadow.compare_next(report):
                continue
        except Unavailable as error:
            logger.warning("ledger or store not available", exc_info=error)
        stop.wait(SECONDS)


def compare(folder: Path, share: int, settings: Settings, ledger: Ledger, store: Store) -> None:
    """Compare the model of a folder with results, and print each agreement, until interrupted.

    Raises ModelError, and VisceraError for another share than 1 to 100.
    """
    if not 1 <= share <= 100:
        raise VisceraError("The share of the jobs is 1 to 100 percent.", "usage")
    if not ledger.is_ready():
        raise VisceraError("The tables of the ledger are of an earlier version; start the services first.", "usage")
    network = registry.load("segmenter", settings, folder)
    registry.check_stage(network.card, "segmenter")
    shadow = Shadow(ledger, store, network, share)
    shadow.introduce()
    print(f"Comparing {network.card.name} {network.card.version} with {share} % of the results.", flush=True)  # noqa: T201
    with exit_when_interrupted() as stop:
        run(shadow, _print, stop)


def _print(found: Mapping[str, Agreement]) -> None:
    each = (f"{organ} {one.dice:.3f} ({one.difference_ml:+.1f} mL)" for organ, one in sorted(found.items()))
    print(f"Dice: {', '.join(each) or 'no organ in both'}", flush=True)  # noqa: T201


def main() -> None:
    """Compare with the results of the installation of the settings."""
    parser = argparse.ArgumentParser(prog="python -P -m services.segmenter.shadow", description=__doc__)
    parser.add_argument("model", metavar="MODEL", help="NAME or NAME@VERSION")
    parser.add_argument("--share", type=int, default=100, metavar="N", help="percent of the jobs (default: 100)")
    args = parser.parse_args()
    settings = Settings()
    log.configure(settings.log_level)
    try:
        with exit_when_interrupted():
            folder = registry.named(args.model, settings)
            compare(folder, args.share, settings, open_ledger(settings.ledger_url), open_store(settings.store_url))
    except VisceraError as error:
        sys.exit(f"{error.detail} ({error.code})")


if __name__ == "__main__":
    main()
