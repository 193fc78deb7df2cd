"""The child of the sandbox: sets its limits, imports what the scan needs, decodes and answers one JSON line."""

from __future__ import annotations

import importlib
import json
import resource
import sys
from pathlib import Path
from typing import Any

import numpy as np

from shared import errors
from shared.imaging.formats import open_scan
from shared.imaging.formats.plan import Origin

BUDGET = 256 * 2**20
"""Bytes that a decoder may allocate beside three copies of the voxels."""
_LIBRARIES = {
    "png": ("cv2",),
    "nifti": ("nibabel",),
    "dicom": ("cv2", "nibabel", "pydicom.pixels", "openjpeg", "jpeg_ls", "gdcm"),
}
"""Libraries of each kind of image; the child imports them before the limit is set."""


def _mapped() -> int:
    """Return the bytes of address space in use; 0 where the system does not report it."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[0]) * resource.getpagesize() if statm.exists() else 0


def _limit(bytes_more: int) -> None:
    if used := _mapped():
        resource.setrlimit(resource.RLIMIT_AS, (used + bytes_more, resource.RLIM_INFINITY))


def _load(kind: str) -> None:
    """Import what a kind of image needs; the limit grows by the memory of the libraries."""
    bound, hard = resource.getrlimit(resource.RLIMIT_AS)
    used = _mapped()
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    # nibabel would import pydicom for header extensions that are not read
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
        from shared.dicom import decoding  # imports pydicom, which most scans do not need

        _load("dicom")
        result: dict[str, Any] = getattr(decoding, request["call"])(_limit, **request["arguments"])
        return result
    return _read(request)


def _read(request: dict[str, Any]) -> dict[str, Any]:
    _limit(BUDGET)
    spacing = tuple(request["spacing"]) if request["spacing"] else None
    plan = open_scan(Path(request["path"]), spacing, prepare=_load)
    result: dict[str, Any] = {
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
        result |= {"modality": volume.modality, "warnings": volume.warnings}
    return result


def _plain(origin: Origin) -> dict[str, Any]:
    plain = {name: getattr(origin, name) for name in origin.__slots__}
    slices = [(s.sop_class, s.sop_instance, s.frame, s.position) for s in origin.slices]
    return plain | {"slices": slices}


def main() -> None:
    """Answer one request: the scan's facts, or the class, code and sentence of the error."""
    request = json.load(sys.stdin)
    try:
        result = _answer(request)
    except MemoryError:
        result = {
            "error": "ScanTooLarge",
            "code": "scan_too_large",
            "detail": "The scan needs more memory than it declares.",
        }
    except errors.VisceraError as error:
        result = {"error": type(error).__name__, "code": error.code, "detail": error.detail}
    except Exception as error:  # an error that no reader expected means damage; its text may contain personal data
        result = {
            "error": "CorruptScan",
            "code": "corrupt_scan",
            "detail": f"The scan can't be read ({type(error).__name__}).",
        }
    sys.stdout.write("\n" + json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
