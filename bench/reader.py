"""What a reader's clicks bring on a whole scan, by the interface: Dice after n corrections, and seconds of each.

    python -m bench.reader --data DIR [--case case139_day0] [--actions 10]

Runs the real system, as `serve` does, on one job. A simulated reader (`training.reader`) clicks the largest part that
has a wrong label. Each click is one PATCH; accepted is the 202, model is `model.glb` of that
revision. The shipped weights were trained on this case and leave nothing to click; VISCERA_SEGMENTER_MODEL names the
folder of a model that has not seen it.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

import httpx
import numpy as np

from bench.revisions import saved
from services.local import LocalSystem
from shared import artifacts
from shared.arrays import UInt8
from shared.imaging.volume import ORGANS
from training.dataset.gather import Sources, read_all_outlines
from training.dataset.prepare import competition
from training.metrics import dice
from training.reader import ACTIONS, next_action
from viscera_client import Client, packed


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--case", default="case139_day0")
    parser.add_argument("--actions", type=int, default=max(ACTIONS))
    args = parser.parse_args()
    reference = outlines_of(args.data, args.case)
    with tempfile.TemporaryDirectory() as folder, LocalSystem(Path(folder) / "data") as system:
        system.wait_ready()
        with Client(system.url, system.key) as client, packed(args.data / "uwm" / args.case / "scans") as scan:
            job = client.wait(client.submit(scan, spacing=(3.0, 1.5, 1.5)).id).id
        headers = {"Authorization": f"Bearer {system.key}"}
        with httpx.Client(base_url=f"{system.url}/v1/jobs/{job}", headers=headers, timeout=60.0) as http:
            correct(http, Path(folder) / artifacts.LABELS, reference, args.actions)


def outlines_of(data: Path, name: str) -> UInt8:
    """Return the true outlines of a case of the competition, uint8 (slice, row, column)."""
    sources = Sources()
    cases = competition(data / sources.scans, read_all_outlines(data, sources), {})
    return next(case.labels for case in cases if case.name == name)


def correct(http: httpx.Client, path: Path, reference: UInt8, actions: int) -> None:
    """Click, save and measure, and print each number of actions with its Dice."""
    waited: list[tuple[float, float]] = []
    for done in range(actions + 1):
        answer = http.get("/labels.nii.gz")
        path.write_bytes(answer.content)
        labels = artifacts.load_labels(path).data
        if done in ACTIONS:
            print(f"{done:3d} actions: {figures(labels, reference)}")
        action = next_action(labels, reference)
        if done == actions or action is None:
            print(f"nothing is left after {done} actions" if action is None else "")
            break
        at = list(action.at[::-1])
        edits = {"edits": [{"kind": "relabel", "at": at, "label": action.label}]}
        waited.append(saved(http, "PATCH", headers={"If-Match": answer.headers["etag"]}, json=edits))
    for name, seconds in zip(("accepted", "model"), zip(*waited, strict=True), strict=bool(waited)):
        print(f"{name}: median {statistics.median(seconds):.2f} s, longest {max(seconds):.2f} s of {len(seconds)}")


def figures(labels: UInt8, reference: UInt8) -> str:
    """Return the Dice of each organ and their mean."""
    each = {organ.name: dice(labels == organ.id, reference == organ.id) for organ in ORGANS}
    return ", ".join(
        f"{name} {value:.3f}" for name, value in (each | {"mean": float(np.mean([*each.values()]))}).items()
    )


if __name__ == "__main__":
    main()
