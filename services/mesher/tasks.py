"""The worker of the mesher: reads the label map of a job and writes all files of its result."""

from dataclasses import replace

from services.mesher.outputs import write_outputs
from services.mesher.provenance import provenance_of
from shared import artifacts, sandbox
from shared.imaging.formats.plan import Origin
from shared.worker.stage import stage
from shared.worker.work import Work


@stage("mesher")
def mesher(work: Work) -> None:
    """Write GLB, STL, OBJ, 3MF, thumbnail and report, and DICOM files where the scan was DICOM."""
    with work.input(artifacts.LABELS) as path:
        labels = artifacts.load_labels(path)
    with work.input(artifacts.facts_name("segmenter")) as path:
        facts = artifacts.Facts.model_validate_json(path.read_bytes())
    labels = replace(labels, organs=facts.organs)
    quality = work.job.options.get("quality", "standard")
    origin = _origin(work) if facts.source == "dicom" else None
    series = (work.job.id, origin) if origin else None
    outputs = write_outputs(
        labels, quality=quality, provenance=provenance_of(facts), series=series, progress=work.progress
    )
    for name, content in outputs.items():
        work.output(name).write_bytes(content)


def _origin(work: Work) -> Origin | None:
    with work.scan() as path:
        return sandbox.origin(path)
