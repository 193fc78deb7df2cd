"""Decoding in a child process with a memory and a CPU limit, so that a hostile scan harms nobody.

The child is `python -P -m shared.sandbox`; it takes one JSON request on standard input and answers one JSON line.
Voxels come back as a .npy file. A `subprocess` and not multiprocessing: Celery's children are daemonic and may not
have children of that kind.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
import resource
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from shared import errors
from shared.geometry import Geometry
from shared.volume import Volume

BUDGET = 256 * 2**20
"""Bytes a decoder may take beside the voxels, of which it may hold three copies."""
SECONDS = 20.0
GRACE = 10.0
_COMMAND = ["-P", "-m", "shared.sandbox"]
_SINGLE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclasses.dataclass(frozen=True, slots=True)
class Declared:
    """What a scan's headers say: its source format, (slices, rows, columns) and spacing (slice, row, column) mm."""

    source: str
    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]


def inspect(path: Path, spacing: tuple[float, float, float] | None = None) -> Declared:
    """Checks container, headers and declared sizes in the sandbox; raises the `BadScan` the reader raised."""
    answer = _ask({"path": str(path), "spacing": spacing, "out": None}, SECONDS)
    return Declared(answer["source"], tuple(answer["shape"]), tuple(answer["spacing"]))


def decode(path: Path, spacing: tuple[float, float, float] | None = None, seconds: float = 600.0) -> Volume:
    """The scan at `path` as a Volume, decoded in the sandbox; raises the `BadScan` the reader raised."""
    with tempfile.TemporaryDirectory(prefix="viscera-") as folder:
        out = Path(folder) / "voxels.npy"
        answer = _ask({"path": str(path), "spacing": spacing, "out": str(out)}, seconds)
        data = np.load(out, allow_pickle=False)
    geometry = Geometry(tuple(answer["shape"]), np.array(answer["affine"]))
    return Volume(data, geometry, answer["modality"], answer["source"], tuple(answer["warnings"]))


def _ask(request: dict[str, Any], seconds: float) -> dict[str, Any]:
    environment = {**os.environ, **_SINGLE_THREAD, "PYTHONWARNINGS": "ignore"}
    root = str(Path(__file__).resolve().parent.parent)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, environment.get("PYTHONPATH")]))
    try:
        done = subprocess.run(
            [sys.executable, *_COMMAND],
            input=json.dumps(request | {"seconds": seconds}).encode(),
            capture_output=True,
            timeout=seconds + GRACE,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise errors.CorruptScan("Reading the scan took too long.", "scan_too_slow") from error
    answer: dict[str, Any] = {}
    with suppress(ValueError, IndexError):
        answer = json.loads(done.stdout.splitlines()[-1])
    if "error" in answer:
        raise _error(answer["error"], answer["code"], answer["detail"])
    if done.returncode != 0 or not answer:
        raise errors.CorruptScan("The scan brought its decoder down.", "decoder_crashed")
    return answer


def _error(name: str, code: str, detail: str) -> errors.VisceraError:
    kind = getattr(errors, name, errors.BadScan)
    return kind(detail, code) if issubclass(kind, errors.VisceraError) else errors.BadScan(detail)


def _limit(bytes_more: int) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 0
    if pages:
        bound = pages * resource.getpagesize() + bytes_more
        resource.setrlimit(resource.RLIMIT_AS, (bound, resource.RLIM_INFINITY))


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    import cv2

    from shared.formats import open_scan

    importlib.import_module("openjpeg")  # before the limit stands
    cv2.setNumThreads(1)
    _limit(BUDGET)
    cpu = int(request["seconds"]) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 2))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    plan = open_scan(Path(request["path"]), tuple(request["spacing"]) if request["spacing"] else None)
    answer: dict[str, Any] = {
        "source": plan.source,
        "shape": plan.geometry.shape,
        "spacing": plan.geometry.spacing,
        "affine": plan.geometry.affine.tolist(),
    }
    if request["out"]:
        _limit(BUDGET + 3 * plan.voxel_bytes)
        volume = plan.decode()
        np.save(request["out"], volume.data, allow_pickle=False)
        answer |= {"modality": volume.modality, "warnings": volume.warnings}
    return answer


def main() -> None:
    """Answers one request: the scan's facts, or the class, code and sentence of the error."""
    request = json.load(sys.stdin)
    try:
        answer = _answer(request)
    except MemoryError:
        answer = {
            "error": "ScanTooLarge",
            "code": "scan_too_large",
            "detail": "The scan needs more memory than it declares.",
        }
    except errors.VisceraError as error:
        answer = {"error": type(error).__name__, "code": error.code, "detail": error.detail}
    except Exception as error:  # what no reader foresaw is damage, not a crash; its text may hold personal data
        answer = {
            "error": "CorruptScan",
            "code": "corrupt_scan",
            "detail": f"The scan can't be read ({type(error).__name__}).",
        }
    sys.stdout.write("\n" + json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
