"""What a reader's clicks bring on a whole scan, by the interface: Dice after n corrections, and seconds of each.

    python -m bench.reader --data DIR [--case case139_day0] [--actions 10] [--page] [--mislabelled 0.25]

Runs the real system, as `serve` does, on one job. A simulated reader (`training.reader`) clicks the largest part that
has a wrong label. Each click is one PATCH; accepted is the 202, model is `model.glb` of that revision. With `--page` it
clicks in the page, in Chromium; shown is the page with the new model. The shipped weights were trained on this case and
leave little to click. VISCERA_SEGMENTER_MODEL names the folder of a model that has not seen it; `--mislabelled` first
gives that share of the result's connected pieces another organ's name.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
from scipy import ndimage

from bench.reader_page import open_page
from bench.revisions import saved
from services.bundle import bundle
from services.local import LocalSystem
from shared import artifacts
from shared.arrays import UInt8
from shared.imaging.volume import ORGANS
from training.dataset.gather import Sources, read_all_outlines
from training.dataset.prepare import competition
from training.metrics import dice
from training.reader import ACTIONS, Action, next_action
from viscera_client import Client, packed

_PIECE = 10
"""Slices of a piece that gets a wrong label."""


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--case", default="case139_day0")
    parser.add_argument("--actions", type=int, default=max(ACTIONS))
    parser.add_argument("--page", action="store_true", help="click in the page instead of sending edits")
    parser.add_argument("--mislabelled", type=float, default=0.0, metavar="SHARE")
    args = parser.parse_args()
    reference = outlines_of(args.data, args.case)
    with tempfile.TemporaryDirectory() as folder:
        web = bundle(Path(folder) / "web") if args.page else None
        with LocalSystem(Path(folder) / "data", web=web) as system:
            system.wait_ready()
            with Client(system.url, system.key) as client, packed(args.data / "uwm" / args.case / "scans") as scan:
                job = client.wait(client.submit(scan, spacing=(3.0, 1.5, 1.5)).id).id
            headers = {"Authorization": f"Bearer {system.key}"}
            with httpx.Client(base_url=f"{system.url}/v1/jobs/{job}", headers=headers, timeout=60.0) as http:
                path = Path(folder) / artifacts.LABELS
                if args.mislabelled:
                    put(http, path, args.mislabelled)
                if args.page:
                    correct_in_page((system.url, job), http, path, reference, args.actions)
                else:
                    correct(http, path, reference, args.actions)


def put(http: httpx.Client, path: Path, share: float) -> None:
    """Make a version in which a share of the pieces of each organ has the label of the next one.

    A piece is a connected part within ten slices. The same pieces are chosen each time.
    """
    answer = http.get("/labels.nii.gz")
    path.write_bytes(answer.content)
    labels, rng = artifacts.load_labels(path), np.random.default_rng(0)
    data = labels.data.copy()
    for first in range(0, len(data), _PIECE):
        block = labels.data[first : first + _PIECE]
        for organ in ORGANS:
            pieces, count = ndimage.label(block == organ.id, np.ones((3, 3, 3)))
            chosen = np.concatenate([[False], rng.random(count) < share])
            data[first : first + _PIECE][chosen[pieces]] = organ.id % len(ORGANS) + 1
    artifacts.save_labels(path, replace(labels, data=data))
    match = {"If-Match": answer.headers["etag"]}
    saved(http, "PUT", headers=match, content=path.read_bytes())


def steps(http: httpx.Client, path: Path, reference: UInt8, actions: int) -> Iterator[tuple[UInt8, str, Action]]:
    """Yield the label map, its ETag and the next action, and print each number of actions with its Dice."""
    for done in range(actions + 1):
        answer = http.get("/labels.nii.gz")
        path.write_bytes(answer.content)
        labels = artifacts.load_labels(path).data
        if done in ACTIONS:
            print(f"{done:3d} actions: {figures(labels, reference)}")
        action = next_action(labels, reference)
        if done == actions or action is None:
            print(f"nothing is left after {done} actions" if action is None else "")
            return
        yield labels, answer.headers["etag"], action


def correct_in_page(place: tuple[str, str], http: httpx.Client, path: Path, reference: UInt8, actions: int) -> None:
    """Click in the page and measure, and print each number of actions with its Dice; `place` is address and job."""
    report = http.get("/report.json").json()
    titles = {organ["label"]: organ["title"] for organ in report["organs"]}
    shown: list[float] = []
    with open_page(*place, titles) as reader:
        reader.revision = report["revision"]
        for labels, _, action in steps(http, path, reference, actions):
            shown.append(reader.act(labels, action))
    if shown:
        print(f"shown: median {statistics.median(shown):.2f} s, longest {max(shown):.2f} s of {len(shown)}")


def outlines_of(data: Path, name: str) -> UInt8:
    """Return the true outlines of a case of the competition, uint8 (slice, row, column)."""
    sources = Sources()
    cases = competition(data / sources.scans, read_all_outlines(data, sources), {})
    return next(case.labels for case in cases if case.name == name)


def correct(http: httpx.Client, path: Path, reference: UInt8, actions: int) -> None:
    """Click, save and measure, and print each number of actions with its Dice."""
    waited: list[tuple[float, float]] = []
    for _, tag, action in steps(http, path, reference, actions):
        at = list(action.at[::-1])
        edit = {"kind": "relabel", "at": at, "label": action.label, "in_slice": action.in_slice}
        waited.append(saved(http, "PATCH", headers={"If-Match": tag}, json={"edits": [edit]}))
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
