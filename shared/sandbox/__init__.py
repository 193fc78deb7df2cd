"""Decodes scans in a child process with a memory and a CPU limit, because a scan may be hostile.

The child is `python -P -m shared.sandbox`. It reads a JSON request from standard input and writes one JSON line; for
one sender it may serve many requests (`shared.sandbox.session`). Voxels come back as a .npy file. It is a `subprocess`:
Celery's children are daemonic, and multiprocessing refuses to start children of a daemonic process.
"""

from __future__ import annotations

import dataclasses
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from shared import errors, scratch
from shared.imaging.formats.plan import Origin, Slice
from shared.imaging.geometry import Geometry
from shared.imaging.volume import Modality, Organ, Volume

SECONDS, CORRECTION_SECONDS = 20.0, 60.0
GRACE = 10.0
ARGUMENTS = ["-P", "-m", "shared.sandbox"]
"""Of the Python that runs the child."""
CALLS = {"deidentify", "describe", "identity", "render", "transcode"}
"""Functions of `shared.dicom.decoding` that `call` may run."""
_KEPT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONHASHSEED", "SYSTEMROOT")
"""Environment variables that the child inherits."""
_SINGLE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclasses.dataclass(frozen=True, slots=True)
class Declared:
    """What a scan's headers say: its source format, (slices, rows, columns) and spacing (slice, row, column) mm.

    `channels` is the number of its images. `modality` is empty where the headers do not say it.
    """

    source: str
    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    channels: int = 1
    modality: str = ""


def inspect(
    path: Path, spacing: tuple[float, float, float] | None = None, modality: Modality | None = None
) -> Declared:
    """Check container, headers and declared sizes in the sandbox.

    Raises the reader's `BadScan`, and Unavailable on a machine that is too busy to tell.
    """
    request = {"path": str(path), "spacing": spacing, "modality": modality, "out": None}
    result = _ask(request, SECONDS)
    known = (result["origin"] or {}).get("modality", modality) or ""
    return Declared(result["source"], tuple(result["shape"]), tuple(result["spacing"]), result["channels"], known)


def decode(
    path: Path,
    spacing: tuple[float, float, float] | None = None,
    modality: Modality | None = None,
    seconds: float = 600.0,
) -> Volume:
    """Return the scan at `path` as a Volume, decoded in the sandbox.

    Raises the reader's `BadScan`, and Unavailable on a machine that is too busy to finish.
    """
    with scratch.folder() as folder:
        out = folder / "voxels.npy"
        request = {"path": str(path), "spacing": spacing, "modality": modality, "out": str(out)}
        result = _ask(request, seconds)
        with out.open("rb") as file:
            data, *further = (np.load(file, allow_pickle=False) for _ in range(result["channels"]))
    geometry = Geometry(tuple(result["shape"]), np.array(result["affine"]))
    warnings = tuple(result["warnings"])
    return Volume(data, geometry, result["modality"], result["source"], warnings, tuple(further))


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
    if name not in CALLS:
        raise ValueError(f"not a call of the sandbox: {name}")
    return _ask({"call": name, "arguments": arguments}, seconds)


def correct(
    labels: Path,
    out: Path,
    organs: Sequence[Organ],
    *,
    upload: Path | None = None,
    edits: Sequence[Any] = (),
    values: Mapping[int, int] | None = None,
) -> dict[str, tuple[int, int]]:
    """Write the corrected label map to `out`: an uploaded file, or a job's own map after a list of edits.

    An edit is JSON: its `kind` and the arguments of the function of `shared.imaging.edits`, with points in the order of
    the file, (column, row, slice). `values` are the ids of an uploaded file's values, where it has values of its own.
    Returns the voxels that each label, by its id, gained and lost. Raises Unprocessable
    or a `BadScan`, and Unavailable on a machine that is too busy to finish.
    """
    arguments = {
        "path": None if upload is None else str(upload), "out": str(out), "files": [[str(labels), None]],
        "organs": [dataclasses.astuple(organ) for organ in organs], "edits": list(edits),
        "values": values if values is None else {str(value): label for value, label in values.items()},
    }  # fmt: skip
    changed = _ask({"call": "correct", "arguments": arguments}, CORRECTION_SECONDS)["changed"]
    return {label: (gained, lost) for label, (gained, lost) in changed.items()}


def mechanisms() -> list[str]:
    """Return the names of the mechanisms that isolate the child on this machine, as a child reports them."""
    active: list[str] = _ask({"call": "mechanisms"}, SECONDS)["active"]
    return active


def _ask(request: dict[str, Any], seconds: float) -> dict[str, Any]:
    with scratch.folder() as folder:
        return _run(request, seconds, environment() | {"TMPDIR": str(folder)})


def _run(request: dict[str, Any], seconds: float, variables: dict[str, str]) -> dict[str, Any]:
    command, pipe = [sys.executable, *ARGUMENTS], subprocess.PIPE
    with subprocess.Popen(command, env=variables, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL) as child:
        try:
            output, _ = child.communicate(json.dumps(request | {"seconds": seconds}).encode(), seconds + GRACE)
        except subprocess.TimeoutExpired as error:
            used = cpu_seconds(child.pid)
            child.kill()
            raise too_late(used, seconds) from error
    result = parsed(output)
    if child.returncode != 0 or not result:
        raise died(child.returncode)
    return result


def parsed(output: bytes) -> dict[str, Any]:
    """Return the last line of the child's answer; nothing where it has none.

    Raises the error that the child names.
    """
    result: dict[str, Any] = {}
    with suppress(ValueError, IndexError):
        result = json.loads(output.splitlines()[-1])
    if "error" in result:
        raise _error(result["error"], result["code"], result["detail"])
    return result


def died(returncode: int | None) -> errors.VisceraError:
    """Return the error of a child that ended without an answer."""
    if returncode == -signal.SIGXCPU:
        return errors.CorruptScan("Reading the scan took too long.", "scan_too_slow")
    if resource.getrlimit(resource.RLIMIT_AS)[1] != resource.RLIM_INFINITY:
        # Libraries abort where memory is short: under a limit of the shell the scan can't be blamed.
        detail = "The decoder failed under the memory limit of this process (ulimit -v); raise that limit."
        return errors.Unavailable(detail, "memory_limit")
    return errors.CorruptScan("The scan crashed its decoder.", "decoder_crashed")


def too_late(used: float, seconds: float) -> errors.VisceraError:
    """Return the error of a child that gave no answer in time and used so much processor time."""
    if used > seconds / 2:
        return errors.CorruptScan("Reading the scan took too long.", "scan_too_slow")
    # The scan is not to blame: the child did not get the processor.
    return errors.Unavailable("The service is too busy to read the scan; try again later.", "busy")


def environment() -> dict[str, str]:
    """Return what the child needs to start; it must know no key, password or address of this service."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    return kept | _SINGLE_THREAD | {"PYTHONWARNINGS": "ignore", "PYTHONPATH": path}


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a process; without /proc the whole of it counts as used."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return float("inf")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # utime and stime, proc(5)


def _error(name: str, code: str, detail: str) -> errors.VisceraError:
    kind = getattr(errors, name, errors.BadScan)
    return kind(detail, code) if issubclass(kind, errors.VisceraError) else errors.BadScan(detail)
