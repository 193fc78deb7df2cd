"""The soak's three stages: small but real work, the same for the system and for its control.

A tiny network decides which slices to keep, another outlines organs by brightness, and the real mesher makes the GLB.
Each stage lasts SOAK_PAUSE seconds longer, so that a kill finds workers at work though the processor is not kept busy.
A worker serves the stage that SOAK_STAGE names. A job of quality `fine` is poison: it kills whoever segments it.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from shared import artifacts
from shared.models.network import load_network
from shared.settings import Settings
from shared.worker.lifecycle import main as run_worker
from shared.worker.stage import Stage
from shared.worker.work import Work

GLB = "model.glb"
POISON = "fine"
Files = Callable[[str], Path]
"""Where a file of this name is read from, or written to."""


def classify(scan: Path, tool: Any, write: Files) -> None:
    """Scan to volume and slice scores."""
    from services.classifier import core
    from shared.imaging.formats import read_scan

    volume = read_scan(scan)
    artifacts.save_volume(write(artifacts.VOLUME), volume)
    artifacts.save_scores(write(artifacts.SCORES), core.classify(volume, tool))


def segment(read: Files, tool: Any, write: Files) -> None:
    """Volume and slice scores to a label map."""
    from services.segmenter import core

    volume, scores = artifacts.load_volume(read(artifacts.VOLUME)), artifacts.load_scores(read(artifacts.SCORES))
    artifacts.save_labels(write(artifacts.LABELS), core.segment(volume, scores, tool, lambda _: None))


def mesh(read: Files, write: Files) -> None:
    """Label map to GLB."""
    from services.mesher.core import mesh as to_meshes
    from services.mesher.glb import to_glb
    from services.mesher.provenance import Provenance

    made = to_meshes(artifacts.load_labels(read(artifacts.LABELS)), "light")
    write(GLB).write_bytes(to_glb(made.organs, Provenance()))


def load(name: str, settings: Settings) -> Any:
    """The network of a stage, loaded from its folder."""
    if name == "mesher":
        return None
    return load_network(settings.classifier_model if name == "classifier" else settings.segmenter_model, threads=1)  # type: ignore[arg-type]


def bring(name: str) -> None:
    """Imports what a stage's work needs, as the services do before they have children."""
    for part in {"mesher": ("core", "glb", "provenance")}.get(name, ("core",)):
        import_module(f"services.{name}.{part}")


def linger(told: Callable[[float], None] = lambda _: None) -> None:
    """Makes a stage last longer, telling how far it is."""
    for quarter in range(1, 5):
        time.sleep(float(os.environ.get("SOAK_PAUSE", "0")) / 4)
        told(quarter / 4)


def classifier(work: Work) -> None:
    """The first stage on a claim."""
    with work.scan() as path:
        classify(path, work.tool, work.output)
    linger(work.progress)


def segmenter(work: Work) -> None:
    """The second."""
    if work.job.options.get("quality") == POISON:
        os.kill(os.getpid(), signal.SIGKILL)
    with work.input(artifacts.VOLUME) as volume, work.input(artifacts.SCORES) as scores:
        places = {artifacts.VOLUME: volume, artifacts.SCORES: scores}
        segment(places.__getitem__, work.tool, work.output)
    linger(work.progress)


def mesher(work: Work) -> None:
    """The third."""
    with work.input(artifacts.LABELS) as path:
        mesh(lambda _: path, work.output)
    linger(work.progress)


def main() -> None:
    """Run the worker of the stage that SOAK_STAGE names."""
    name = os.environ["SOAK_STAGE"]
    bring(name)
    tasks = {"classifier": classifier, "segmenter": segmenter, "mesher": mesher}
    run_worker(Stage(name, tasks[name], load=lambda settings: load(name, settings)))


if __name__ == "__main__":
    main()
