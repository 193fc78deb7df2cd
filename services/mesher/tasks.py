"""The worker of the mesher: writes model and report of a job, and its other files when they are requested."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from services.mesher.outputs import FILES, FIRST_FILES, Result, files_on_request
from services.mesher.provenance import Edit, Series, provenance_of
from shared import artifacts, sandbox
from shared.errors import UnsupportedScan
from shared.imaging.volume import LabelMap, Volume
from shared.ledger import measurements, model_statistics
from shared.ledger.jobs import RESULT
from shared.ledger.revisions import Revision
from shared.models.domain import OUT_OF_DOMAIN
from shared.settings import Settings
from shared.worker.ahead import check_names
from shared.worker.stage import stage
from shared.worker.work import Work


class LatestResult:
    """The revision of a result that this process worked on last: its next file needs no second meshing."""

    def __init__(self) -> None:
        self._revision = ("", 0)
        self._result: Result | None = None

    def of(self, work: Work) -> Result:
        """Return the revision of the result that the work is for."""
        revision = (work.job.id, work.revision)
        if self._result is None or self._revision != revision:
            self._result = None  # free the memory before the next label map is read
            self._revision, self._result = revision, _read(work)
        return self._result


def _load(settings: Settings) -> LatestResult:
    check_names(settings.files, {*FILES, *artifacts.DICOM_FILES})
    return LatestResult()


def _write_file(work: Work, name: str) -> None:
    """Write one requested file, or the first files of a revision that a person made."""
    work.progress(0.0)  # ends here if nobody wants the file any more
    if work.revision == measurements.NO_REVISION:
        work.output(name).write_bytes(_measurements(work))
    elif name == RESULT:
        _write_first_files(work)
    else:
        work.output(name).write_bytes(work.tool.of(work).file(name))


def _measurements(work: Work) -> bytes:
    """Return the report of the job's measurements, with the time of the newest."""
    from services.mesher.dicom import source
    from services.mesher.dicom.measurements import list_report

    measured, number = work.measurements()
    document = list_report(_series(work, None), measured, number, provenance_of(None))
    source.set_time(document, datetime.fromtimestamp(max(one.created for one in measured), UTC))
    return source.to_bytes(document)


@stage("mesher", load=_load, write_file=_write_file)
def mesher(work: Work) -> None:
    """Write GLB and report, and say which other files there can be."""
    _write_first_files(work)


def _write_first_files(work: Work) -> None:
    result: Result = work.tool.of(work)
    for name in FIRST_FILES:
        work.output(name).write_bytes(result.file(name))
    work.offer(files_on_request(result))
    volumes = {organ.name: organ.volume_ml for organ in result.report.organs if organ.present}
    outside = any(warning.code == OUT_OF_DOMAIN for warning in result.report.warnings)
    work.measure(model_statistics.Result(volumes, outside))
    warnings = [*result.report.warnings, *(each for organ in result.report.organs for each in organ.warnings)]
    work.warn([each.code for each in warnings])


def _read(work: Work) -> Result:
    labels = _labels(work, work.revision)
    with work.input(artifacts.facts_name("segmenter")) as path:
        facts = artifacts.Facts.model_validate_json(path.read_bytes())
    described = work.described_revision()
    outlined = _edit(described) if described else None
    return Result(
        replace(labels, organs=facts.organs),
        quality=work.job.options.get("quality", "standard"),
        provenance=replace(provenance_of(facts), edit=outlined),
        series=(lambda: _series(work, outlined)) if facts.source == "dicom" else None,
        volume=lambda: _volume(work),
        progress=work.progress,
    )


def _labels(work: Work, revision: int) -> LabelMap:
    with work.input(artifacts.LABELS, revision) as path:
        return artifacts.load_labels(path)


@contextmanager
def _volume(work: Work) -> Iterator[Volume]:
    with work.input(artifacts.VOLUME) as path:
        yield artifacts.load_volume(path)


def _edit(revision: Revision) -> Edit:
    return Edit(
        revision=revision.number,
        base=revision.base,
        by=revision.edit.actor,
        at=datetime.fromtimestamp(revision.created, UTC),
        kinds=revision.edit.kinds,
        changed={int(label): (added, removed) for label, (added, removed) in revision.edit.changed.items()},
    )


def _series(work: Work, edit: Edit | None) -> Series:
    with work.scan() as path:
        origin = sandbox.origin(path)
    if origin is None:
        raise UnsupportedScan("The scan of this job has no DICOM series.")
    if edit is not None:
        return Series(work.job.id, origin, edit.at, edit.revision, _labels(work, 1).data)
    # Not the end of the job: while the mesher works it has none, and later files must say the same time.
    outlined = next(run.ended for run in work.job.stages if run.stage == "segmenter")
    return Series(work.job.id, origin, datetime.fromtimestamp(outlined or work.job.created, UTC))
