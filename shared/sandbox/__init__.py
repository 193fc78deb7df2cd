"""Decodes scans in a child process with a memory and a CPU limit, because a scan may be hostile.

The child is `python -P -m shared.sandbox`. It reads one JSON request from standard input and writes one JSON
line. Voxels come back as a .npy file. It is a `subprocess`: Celery's children are daemonic, and multiprocessing refuses
to start children of a daemonic process.
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
from shared.imaging.formats.plan import Origin, Slice
from shared.imaging.geometry import Geometry
from shared.imaging.volume import Volume

BUDGET = 256 * 2**20
"""Bytes a decoder may take beside the voxels, of which it may hold three copies."""
SECONDS = 20.0
GRACE = 10.0
_LIBRARIES = {
    "png": ("cv2",),
    "nifti": ("nibabel",),
    "dicom": ("cv2", "nibabel", "pydicom.pixels", "openjpeg", "jpeg_ls", "gdcm"),
}
"""What each kind of image is read with: loaded only where it is, and before the limit counts."""
_COMMAND = ["-P", "-m", "shared.sandbox"]
_CALLS = {"deidentify", "describe", "identity", "render", "transcode"}
"""Functions of `shared.dicom.decoding` that `call` may name."""
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


def origin(path: Path) -> Origin | None:
    """The DICOM series a scan is, slice by slice, as its headers tell; None for other sources. Raises a `BadScan`."""
    found = _ask({"path": str(path), "spacing": None, "out": None}, SECONDS)["origin"]
    if found is None:
        return None
    slices = tuple(
        Slice(sop_class, instance, frame, tuple(position)) for sop_class, instance, frame, position in found["slices"]
    )
    plain: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}
    return Origin(**plain | {"slices": slices})


def call(name: str, seconds: float = SECONDS, **arguments: Any) -> dict[str, Any]:
    """Runs a function of `shared.dicom.decoding` on JSON arguments in the sandbox; raises the `BadScan` it raised."""
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


def _mapped() -> int:
    """Bytes of address space in use; 0 where the system does not tell."""
    told = Path("/proc/self/statm")
    return int(told.read_text().split()[0]) * resource.getpagesize() if told.exists() else 0


def _limit(bytes_more: int) -> None:
    if used := _mapped():
        resource.setrlimit(resource.RLIMIT_AS, (used + bytes_more, resource.RLIM_INFINITY))


def _load(kind: str) -> None:
    """Imports what a kind of image needs; the limit moves by as much as the libraries take."""
    bound, hard = resource.getrlimit(resource.RLIMIT_AS)
    used = _mapped()
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    # nibabel would load pydicom for header extensions that nobody reads
    without: dict[str, Any] = {"pydicom": None} if kind == "nifti" and "pydicom" not in sys.modules else {}
    sys.modules.update(without)
    for name in (f"shared.imaging.formats.{kind}", *_LIBRARIES[kind]):
        importlib.import_module(name)
    for name in without:
        del sys.modules[name]
    if kind == "png":
        sys.modules["cv2"].setNumThreads(1)
    if bound != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_AS, (bound + _mapped() - used, hard))


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    cpu = int(request["seconds"]) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 2))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if "call" in request:
        from shared.dicom import decoding

        _load("dicom")
        answer: dict[str, Any] = getattr(decoding, request["call"])(_limit, **request["arguments"])
        return answer
    return _read(request)


def _read(request: dict[str, Any]) -> dict[str, Any]:
    from shared.imaging.formats import open_scan

    _limit(BUDGET)
    spacing = tuple(request["spacing"]) if request["spacing"] else None
    plan = open_scan(Path(request["path"]), spacing, prepare=_load)
    answer: dict[str, Any] = {
        "source": plan.source,
        "shape": plan.geometry.shape,
        "spacing": plan.geometry.spacing,
        "affine": plan.geometry.affine.tolist(),
        "origin": plan.origin and _plain(plan.origin),
    }
    if request["out"]:
        _limit(BUDGET + 3 * plan.voxel_bytes)
        volume = plan.decode()
        np.save(request["out"], volume.data, allow_pickle=False)
        answer |= {"modality": volume.modality, "warnings": volume.warnings}
    return answer


def _plain(origin: Origin) -> dict[str, Any]:
    plain = {name: getattr(origin, name) for name in origin.__slots__}
    slices = [(s.sop_class, s.sop_instance, s.frame, s.position) for s in origin.slices]
    return plain | {"slices": slices}


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
