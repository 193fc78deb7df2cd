"""What MONAI Label calls an image is a job: how its client names one, which comes next, what the data store has."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Query, Request
from sqlalchemy import Connection

from services.api.gateway import Gateway, GatewayDep, address_of, caller, check_scope, identify
from services.api.routes.shares import ShareRequest, share_job
from shared.errors import NotFound, Unauthorized
from shared.imaging.volume import Organ
from shared.ledger import api_keys, descriptions, jobs

ImageId = Annotated[str, Query(max_length=300)]
SAMPLE_SECONDS = 12 * 3600
"""A sample's own key: the plugin downloads the image of a sample without its user's token."""
MOST_LISTED = 200
STRATEGIES = {
    "first": "The oldest result that nobody has accepted; those that need a correction come first.",
    "random": "Any result that nobody has accepted.",
    "newest": "The newest result that nobody has accepted.",
}


@dataclass(frozen=True, slots=True)
class ImageName:
    """The name of an image as the client sends it: a job, and for a sample also its revision and its key."""

    job: str
    revision: int = 0
    key: str = ""

    @classmethod
    def parse(cls, text: str) -> ImageName:
        """Return the parts of JOB, of JOB~REVISION~KEY, or of a name that somebody gave an image."""
        job, _, rest = text.partition("~")
        number, _, key = rest.partition("~")
        if key and number.isascii() and number.isdigit() and len(number) < 10:
            return cls(job, int(number), key)
        return cls(text)

    def __str__(self) -> str:
        return f"{self.job}~{self.revision}~{self.key}" if self.key else self.job


def find(connection: Connection, asking: api_keys.Caller, text: str) -> jobs.Job:
    """Return the job of an image, by its id, by a sample's name, or by the name under which it was uploaded.

    Raises NotFound, also for a job of another tenant, and for one that a guest's key does not cover.
    """
    name = ImageName.parse(text).job
    if not name.startswith("job_"):
        name = descriptions.newest_named(connection, asking.tenant, name) or name
    if asking.job not in (None, name):
        raise NotFound("There is no such image.")
    return jobs.get(connection, asking.tenant, name)


def reader_of_image(request: Request, gateway: GatewayDep, image: ImageId = "") -> api_keys.Caller:
    """Return the caller who may read an image: by a token as usual, else by the key in a sample's name.

    Raises Unauthorized, Forbidden.
    """
    key = ImageName.parse(image).key
    if request.headers.get("authorization") or not key:
        asking = caller(request, gateway)
    else:
        asking = identify(gateway, key, address_of(request))
        gateway.limits.request(asking.tenant)
        request.state.caller = asking
    check_scope(asking, "jobs:read")
    return asking


def next_sample(gateway: Gateway, asking: api_keys.Caller, strategy: str) -> dict[str, Any]:
    """Return the next image to correct, by one of the strategies; empty where there is none.

    Its name has a key of its own for this job, which reads and ends by itself. Raises NotFound for another strategy.
    """
    if strategy not in STRATEGIES:
        raise NotFound("There is no such strategy.")
    if asking.job is not None:
        raise Unauthorized(api_keys.REFUSED)
    with gateway.reading(asking) as connection:
        waiting = _to_correct(connection, asking, newest=strategy == "newest")
    if not waiting:
        return {}
    job = random.choice(waiting) if strategy == "random" else waiting[0]  # noqa: S311
    key = share_job(job.id, ShareRequest(seconds=SAMPLE_SECONDS), gateway, asking).token or ""
    return {"id": str(ImageName(job.id, job.revision, key)), "name": f"{job.id}.nii.gz"}


def _to_correct(connection: Connection, asking: api_keys.Caller, *, newest: bool) -> list[jobs.Job]:
    """Return results that nobody has accepted, in the order in which they should be looked at."""
    found: list[jobs.Job] = []
    for review in ("needs_correction", "unread"):
        where = descriptions.having(review=review)
        page = jobs.page(connection, asking.tenant, "succeeded", None, MOST_LISTED, where=where)
        found += page if newest else reversed(page)
    return sorted(found, key=lambda job: job.seq, reverse=True) if newest else found


def listed(gateway: Gateway, asking: api_keys.Caller) -> list[tuple[jobs.Job, bool]]:
    """Return the newest results of the caller's tenant, and whether each is accepted."""
    with gateway.reading(asking) as connection:
        page = jobs.page(connection, asking.tenant, "succeeded", None, MOST_LISTED, only=asking.job)
        described = descriptions.of(connection, [job.id for job in page])
    accepted = {job_id for job_id, described_ in described.items() if described_.review == "accepted"}
    return [(job, job.id in accepted) for job in page]


def totals(gateway: Gateway, asking: api_keys.Caller) -> dict[str, Any]:
    """Return how many images there are, and how many of them somebody has accepted."""
    found = listed(gateway, asking)
    completed = sum(accepted for _, accepted in found)
    return {"total": len(found), "completed": completed, "label_tags": {"final": completed}, "train": {}}


def label_names(organs: Sequence[Organ], present: set[int] | None = None) -> dict[str, int]:
    """Return the value of each label by its display name, in the order of the values; of those that are present.

    The plugin names the segments of a file in this order, so names without voxels would shift all that follow.
    """
    ordered = sorted(organs, key=lambda organ: organ.id)
    return {organ.title: organ.id for organ in ordered if present is None or organ.id in present}
