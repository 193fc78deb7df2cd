"""What a person waits for who saves corrected outlines: seconds from the first byte sent to the new model received.

    python -m bench.revisions --data DIR [--scan uwm/case139_day0/scans] [--repeats 7]

Runs the real system, as `serve` does, on one job. Each repeat saves the label map with one part changed (PUT), and
then the same change back as edits (PATCH): accepted is the 202, model is `model.glb` of that revision.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from services.local import LocalSystem
from shared import artifacts
from shared.imaging import edits
from shared.imaging.volume import LabelMap
from viscera_client import Client, packed


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--scan", default="uwm/case139_day0/scans")
    parser.add_argument("--repeats", type=int, default=7)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, LocalSystem(Path(folder) / "data") as system:
        system.wait_ready()
        with Client(system.url, system.key) as client, packed(args.data / args.scan) as scan:
            job = client.wait(client.submit(scan, spacing=(3.0, 1.5, 1.5)).id).id
        headers = {"Authorization": f"Bearer {system.key}"}
        base = f"{system.url}/v1/jobs/{job}"
        with httpx.Client(base_url=base, headers=headers, timeout=60.0) as http:
            for how, seconds in measure(http, Path(folder), args.repeats).items():
                show(how, seconds)


def measure(http: httpx.Client, folder: Path, repeats: int) -> dict[str, list[tuple[float, float]]]:
    """Return (accepted, model) in seconds of each repeat, by method."""
    measured: dict[str, list[tuple[float, float]]] = {"PUT": [], "PATCH": []}
    for _ in range(repeats):
        answer = http.get("/labels.nii.gz")
        path = folder / artifacts.LABELS
        path.write_bytes(answer.content)
        labels = artifacts.load_labels(path)
        organ = int(np.bincount(labels.data.ravel())[1:].argmax()) + 1
        point = tuple(int(index) for index in np.argwhere(labels.data == organ)[0])
        changed = edits.relabel(labels.data, (point[0], point[1], point[2]), organ % 3 + 1)
        artifacts.save_labels(path, LabelMap(changed, labels.geometry))
        match = {"If-Match": answer.headers["etag"]}
        measured["PUT"].append(saved(http, "PUT", headers=match, content=path.read_bytes()))
        match = {"If-Match": http.head("/labels.nii.gz").headers["etag"]}
        body = {"edits": [{"kind": "relabel", "at": point[::-1], "label": organ}]}
        measured["PATCH"].append(saved(http, "PATCH", headers=match, json=body))
    return measured


def saved(http: httpx.Client, method: str, **request: Any) -> tuple[float, float]:
    """Save once; return the seconds to the 202 and to the model."""
    started = time.monotonic()
    answer = http.request(method, "/labels.nii.gz", **request)
    accepted = time.monotonic() - started
    assert answer.status_code == 202, answer.text
    model = http.get("/model.glb", params={"revision": answer.json()["revision"]})
    assert model.status_code == 200, model.text
    return accepted, time.monotonic() - started


def show(how: str, seconds: list[tuple[float, float]]) -> None:
    """Print median and range."""
    for name, values in zip(("accepted", "model"), zip(*seconds, strict=True), strict=True):
        middle, low, high = statistics.median(values), min(values), max(values)
        print(f"{how:<6} {name:<9} {middle:.2f} s ({low:.2f} to {high:.2f}, n={len(values)})")


if __name__ == "__main__":
    main()
