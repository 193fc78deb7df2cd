"""The child of the sandbox: sets its limits, imports what the scan needs, decodes, answers each request in JSON."""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from shared import errors
from shared.imaging.formats import READERS, open_scan
from shared.imaging.formats.plan import Origin
from shared.sandbox.isolation import isolate

BUDGET = 256 * 2**20
"""Bytes that a decoder may allocate beside three copies of the voxels."""
LARGEST_FILE = 16 * 2**30
"""Bytes of one file that the child writes at most: four times the largest upload, for voxels of wider types."""
_LIBRARIES = {
    "png": ("cv2",),
    "nifti": ("nibabel",),
    "mgh": ("nibabel",),
    "nrrd": ("nrrd",),
    "dicom": ("cv2", "nibabel", "pydicom.pixels", "openjpeg", "jpeg_ls", "gdcm"),
}
"""Libraries of each kind of image; the child imports them before the limit is set."""


def _mapped() -> int:
    """Return the bytes of address space in use; 0 where the system does not report it."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[0]) * resource.getpagesize() if statm.exists() else 0


def _limit(bytes_more: int, mapped: int = 0) -> None:
    """Limit the address space to what is in use, or to `mapped`, and `bytes_more`; a lower limit of the shell stays
    in force.
    """
    if used := mapped or _mapped():
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        wanted = used + bytes_more
        resource.setrlimit(resource.RLIMIT_AS, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def _is_shell_limit() -> bool:
    """Return whether the limit in force is one that this process inherited (`ulimit -v`)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    return hard != resource.RLIM_INFINITY and soft >= hard


def _load(kind: str) -> None:
    """Import what a kind of image needs; the limit grows by the memory of the libraries."""
    bound, hard = resource.getrlimit(resource.RLIMIT_AS)
    used = _mapped()
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    # nibabel would import pydicom for header extensions that are not read
    without: dict[str, Any] = {"pydicom": None} if kind != "dicom" and "pydicom" not in sys.modules else {}
    sys.modules.update(without)
    for name in (READERS[kind], *_LIBRARIES[kind]):
        importlib.import_module(name)
    for name in without:
        del sys.modules[name]
    if "cv2" in _LIBRARIES[kind]:
        sys.modules["cv2"].setNumThreads(1)
    if bound != resource.RLIM_INFINITY:
        raised = bound + _mapped() - used
        resource.setrlimit(resource.RLIMIT_AS, (raised if hard == resource.RLIM_INFINITY else min(raised, hard), hard))


def _lower(limit: int, soft: int, hard: int) -> None:
    """Lower a limit; one that this process inherited and that is lower already stays."""
    _, inherited = resource.getrlimit(limit)
    if inherited != resource.RLIM_INFINITY:
        soft, hard = min(soft, inherited), min(hard, inherited)
    resource.setrlimit(limit, (soft, hard))


def _lower_others() -> None:
    _lower(resource.RLIMIT_CORE, 0, 0)
    _lower(resource.RLIMIT_NPROC, 0, 0)
    _lower(resource.RLIMIT_FSIZE, LARGEST_FILE, LARGEST_FILE)


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    cpu = int(request["seconds"]) + 1
    _lower(resource.RLIMIT_CPU, cpu, cpu + 2)
    _lower_others()
    active = _isolate(request)
    if request.get("call") == "mechanisms":
        return {"active": active}
    if request.get("call") == "correct":
        return _correct(request["arguments"])
    if "call" in request:
        from shared.dicom import decoding  # imports pydicom, which most scans do not need

        _load("dicom")
        result: dict[str, Any] = getattr(decoding, request["call"])(_limit, **request["arguments"])
        return result
    return _read(request)


def _correct(arguments: dict[str, Any]) -> dict[str, Any]:
    if {edit["kind"] for edit in arguments["edits"]} - {"erase", "paint"}:
        importlib.import_module("scipy.ndimage")
    _load("nifti")
    from shared.sandbox.correction import correct  # imports nibabel

    _limit(BUDGET)
    return dict(correct(_limit, _load, BUDGET, arguments))


def _isolate(request: dict[str, Any]) -> list[str]:
    """Give up all files but those of the request; return the names of the mechanisms that the kernel has."""
    named = request | request.get("arguments", {})
    pairs = [(named.get("path"), named.get("out")), *named.get("files", ())]
    inputs = [Path(path) for path, _ in pairs if path]
    outputs = [Path(out) for _, out in pairs if out]
    for path in outputs:  # a rule for an existing file leaves the rest of its folder alone
        path.touch()
    linked = [target for path in inputs if path.is_dir() for target in _targets(path)]
    scratch = os.environ.get("TMPDIR")
    return isolate([*inputs, *linked], outputs, Path(scratch) if scratch else None)


def _targets(folder: Path) -> Iterator[Path]:
    """Return the files outside a folder to which symbolic links in it lead: they belong to the scan."""
    return (path.resolve() for path in folder.rglob("*") if path.is_symlink() and path.is_file())


def _read(request: dict[str, Any]) -> dict[str, Any]:
    _limit(BUDGET)
    spacing = tuple(request["spacing"]) if request["spacing"] else None
    plan = open_scan(Path(request["path"]), spacing, prepare=_load, modality=request.get("modality"))
    result: dict[str, Any] = {
        "source": plan.source,
        "shape": plan.geometry.shape,
        "spacing": plan.geometry.spacing,
        "affine": plan.geometry.affine.tolist(),
        "origin": plan.origin and _plain(plan.origin),
        "channels": plan.channels,
    }
    if request["out"]:
        _limit(BUDGET + 3 * plan.voxel_bytes)
        volume = plan.decode()
        with Path(request["out"]).open("wb") as file:  # one array behind the other
            for image in volume.images:
                np.save(file, image, allow_pickle=False)
        result |= {"modality": volume.modality, "warnings": volume.warnings}
    return result


def _plain(origin: Origin) -> dict[str, Any]:
    plain = {name: getattr(origin, name) for name in origin.__slots__}
    slices = [(s.sop_class, s.sop_instance, s.frame, s.position) for s in origin.slices]
    return plain | {"slices": slices}


def _memory_error() -> dict[str, str]:
    if _is_shell_limit():
        detail = "This process may not use enough memory to read the scan (ulimit -v); raise that limit."
        return {"error": "Unavailable", "code": "memory_limit", "detail": detail}
    detail = "The scan needs more memory than it declares."
    return {"error": "ScanTooLarge", "code": "scan_too_large", "detail": detail}


def _outcome(produce: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what a function returns, or the class, code and sentence of its error."""
    try:
        return produce()
    except MemoryError:
        return _memory_error()
    except ImportError:  # a library that does not fit into the memory limit fails to load
        if not _is_shell_limit():
            raise
        return _memory_error()
    except errors.VisceraError as error:
        return {"error": type(error).__name__, "code": error.code, "detail": error.detail}
    except Exception as error:  # an error that no reader expected means damage; its text may contain personal data
        detail = f"The scan can't be read ({type(error).__name__})."
        return {"error": "CorruptScan", "code": "corrupt_scan", "detail": detail}


def _serve(folder: Path) -> None:
    """Answer one request per line on the files of a folder, until standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not be taken for an answer
    _lower_others()
    isolate([folder], [], folder)
    from shared.dicom import decoding

    _load("dicom")
    limit = partial(_limit, mapped=_mapped())  # not what is in use at each request: that may grow with every one
    for line in sys.stdin:
        request = json.loads(line)
        _allow_seconds(request["seconds"])
        call = partial(getattr(decoding, request["call"]), limit, **request["arguments"])
        answers.write(json.dumps(_outcome(call)) + "\n")
        answers.flush()


def _allow_seconds(seconds: float) -> None:
    """Allow so much processor time from now on."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    ends = int(time.process_time() + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (ends if hard == resource.RLIM_INFINITY else min(ends, hard), hard))


def main() -> None:
    """Answer one request, or serve a folder."""
    request = json.loads(sys.stdin.readline())
    if "folder" in request:
        _serve(Path(request["folder"]))
        return
    sys.stdout.write("\n" + json.dumps(_outcome(partial(_answer, request))) + "\n")


if __name__ == "__main__":
    main()
