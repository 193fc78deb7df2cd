"""What the command line does with a running service: send a scan, follow its job, download the result."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.errors import BadScan, VisceraError
from viscera_client import Client, JobFailed, Refused, ServiceError
from viscera_client.models import Job, JobOptions

FILES = ("model.glb", "labels.nii.gz", "report.json")
"""Files of a result that are always downloaded."""


def send(client: Client, scan: Path, args: argparse.Namespace, report: Callable[[str, float], None]) -> None:
    """Send a scan, wait for its result and download it; `report` gets the name of a step and its progress, 0 to 1."""
    job = client.submit(scan, lambda done: report("upload", done), **job_options(args))

    def follow(seen: Job) -> None:
        for stage in seen.stages:
            if stage.state != "waiting":
                report(stage.name, stage.progress)

    client.wait(job.id, follow)
    args.out.mkdir(parents=True, exist_ok=True)
    for name in (*FILES, *args.also):
        client.download(job.id, name, args.out / name)


@contextmanager
def service_errors() -> Iterator[None]:
    """Turn the errors of a service into those of the command line.

    Raises BadScan where the service refused the request or the job failed, and VisceraError for everything else.
    """
    try:
        yield
    except (Refused, JobFailed) as error:
        raise BadScan(error.detail, error.code) from error
    except ServiceError as error:
        raise VisceraError(error.detail, error.code) from error


def job_options(args: argparse.Namespace) -> JobOptions:
    """Return the options of a job as the client takes them."""
    options: JobOptions = {"quality": args.quality}
    if args.spacing:
        options["spacing"] = args.spacing
    if not args.coverage:
        options["coverage"] = False
    if args.modality:
        options["modality"] = args.modality
    if getattr(args, "job_model", None):  # only `submit` has it: the other commands start a system of their own
        options["model"] = args.job_model
    return options
