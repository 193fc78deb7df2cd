"""The routes of `/v1`, one file per noun."""

from services.api.routes import (
    audit,
    early,
    events,
    jobs,
    keys,
    linked,
    measurements,
    oauth,
    oidc,
    page,
    reference,
    report,
    results,
    revisions,
    saved_views,
    scans,
    service,
    session,
    shares,
    slices,
    webhooks,
)
from services.api.routes import uploads as upload_parts

ROUTERS = (
    service.router, page.router, reference.router,
    session.router, oidc.router, oauth.router, jobs.router, scans.router, upload_parts.router, events.router,
    early.router, slices.router, report.router, revisions.router, measurements.router, saved_views.router,
    shares.router, linked.router, keys.router, audit.router,
    webhooks.router,
    results.router,  # last, because its {name} matches every file
)  # fmt: skip
