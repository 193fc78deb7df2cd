"""The worker of the mesher: writes model and report of a job, and its other files when they are requested."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from services.mesher.outputs import FILES, FIRST_FILES, Result, files_on_request
from services.mesher.provenance import Series, provenance_of
from shared import artifacts, sandbox
from shared.errors import UnsupportedScan
from shared.settings import Settings
from shared.worker.ahead import check_names
from shared.worker.stage import stage
from shared.worker.work import Work


class LatestResult:
    """The result of the job that this process worked on last: its next file needs no second meshing."""

    def __init__(self) -> None:
        self._job = ""
        self._result: Result | None = None

    def of(self, work: Work) -> Result:
        """Return the result of the job."""
        if self._result is None or self._job != work.job.id:
            self._job, self._result = "", None  # free the memory before the next label map is read
            self._job, self._result = work.job.id, _read(work)
        return self._result


def _load(settings: Settings) -> LatestResult:
    check_names(settings.files, {*FILES, *artifacts.DICOM_FILES})
    return LatestResult()


def _write_file(work: Work, name: str) -> None:
    """Write one requested file."""
    work.progress(0.0)  # ends here if nobody wants the file any more
    work.output(name).write_bytes(work.tool.of(work).file(name))


@stage("mesher", load=_load, write_file=_write_file)
def mesher(work: Work) -> None:
    """Write GLB and report, and say which other files there can be."""
    result: Result = work.tool.of(work)
    for name in FIRST_FILES:
        work.output(name).write_bytes(result.file(name))
    work.offer(files_on_request(result))


def _read(work: Work) -> Result:
    with work.input(artifacts.LABELS) as path:
        labels = artifacts.load_labels(path)
    with work.input(artifacts.facts_name("segmenter")) as path:
        facts = artifacts.Facts.model_validate_json(path.read_bytes())
    return Result(
        replace(labels, organs=facts.organs),
        quality=work.job.options.get("quality", "standard"),
        provenance=provenance_of(facts),
        series=(lambda: _series(work)) if facts.source == "dicom" else None,
        progress=work.progress,
    )


def _series(work: Work) -> Series:
    with work.scan() as path:
        origin = sandbox.origin(path)
    if origin is None:
        raise UnsupportedScan("The scan of this job has no DICOM series.")
    # Not the end of the job: while the mesher works it has none, and later files must say the same time.
    outlined = next(run.ended for run in work.job.stages if run.stage == "segmenter")
    return Series(work.job.id, origin, datetime.fromtimestamp(outlined or work.job.created, UTC))
