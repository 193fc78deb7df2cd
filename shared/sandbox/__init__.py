"""Decodes scans in a child process with a memory and a CPU limit, because a scan may be hostile.

The child is `python -P -m shared.sandbox`. It reads one JSON request from standard input and writes one JSON
line. Voxels come back as a .npy file. It is a `subprocess`: Celery's children are daemonic, and multiprocessing refuses
to start children of a daemonic process.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from shared import errors
from shared.imaging.formats.plan import Origin, Slice
from shared.imaging.geometry import Geometry
from shared.imaging.volume import Volume

SECONDS = 20.0
GRACE = 10.0
_COMMAND = ["-P", "-m", "shared.sandbox"]
_CALLS = {"deidentify", "describe", "identity", "render", "transcode"}
"""Functions of `shared.dicom.decoding` that `call` may run."""
_SINGLE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclasses.dataclass(frozen=True, slots=True)
class Declared:
    """What a scan's headers say: its source format, (slices, rows, columns) and spacing (slice, row, column) mm."""

    source: str
    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]


def inspect(path: Path, spacing: tuple[float, float, float] | None = None) -> Declared:
    """Check container, headers and declared sizes in the sandbox.

    Raises the reader's `BadScan`.
    """
    result = _ask({"path": str(path), "spacing": spacing, "out": None}, SECONDS)
    return Declared(result["source"], tuple(result["shape"]), tuple(result["spacing"]))


def decode(path: Path, spacing: tuple[float, float, float] | None = None, seconds: float = 600.0) -> Volume:
    """Return the scan at `path` as a Volume, decoded in the sandbox.

    Raises the reader's `BadScan`.
    """
    with tempfile.TemporaryDirectory(prefix="viscera-") as folder:
        out = Path(folder) / "voxels.npy"
        result = _ask({"path": str(path), "spacing": spacing, "out": str(out)}, seconds)
        data = np.load(out, allow_pickle=False)
    geometry = Geometry(tuple(result["shape"]), np.array(result["affine"]))
    return Volume(data, geometry, result["modality"], result["source"], tuple(result["warnings"]))


def origin(path: Path) -> Origin | None:
    """Return the DICOM series of a scan from its headers; None for other sources.

    Raises a `BadScan`.
    """
    fields = _ask({"path": str(path), "spacing": None, "out": None}, SECONDS)["origin"]
    if fields is None:
        return None
    slices = tuple(
        Slice(sop_class, instance, frame, tuple(position)) for sop_class, instance, frame, position in fields["slices"]
    )
    plain: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
    return Origin(**plain | {"slices": slices})


def call(name: str, seconds: float = SECONDS, **arguments: Any) -> dict[str, Any]:
    """Run a function of `shared.dicom.decoding` on JSON arguments in the sandbox.

    Raises its `BadScan`.
    """
    if name not in _CALLS:
        raise ValueError(f"not a call of the sandbox: {name}")
    return _ask({"call": name, "arguments": arguments}, seconds)


def _ask(request: dict[str, Any], seconds: float) -> dict[str, Any]:
    environment = {**os.environ, **_SINGLE_THREAD, "PYTHONWARNINGS": "ignore"}
    root = str(Path(__file__).resolve().parents[2])
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
    result: dict[str, Any] = {}
    with suppress(ValueError, IndexError):
        result = json.loads(done.stdout.splitlines()[-1])
    if "error" in result:
        raise _error(result["error"], result["code"], result["detail"])
    if done.returncode != 0 or not result:
        raise errors.CorruptScan("The scan crashed its decoder.", "decoder_crashed")
    return result


def _error(name: str, code: str, detail: str) -> errors.VisceraError:
    kind = getattr(errors, name, errors.BadScan)
    return kind(detail, code) if issubclass(kind, errors.VisceraError) else errors.BadScan(detail)
