"""DICOMweb (PS3.18): STOW-RS, QIDO-RS, WADO-RS and UPS-RS over the instances that the tenant stored."""

from services.api.dicomweb import deliveries, export, qido, series, stow, ups, wado

ROUTERS = (
    stow.router,
    qido.router,
    wado.router,
    ups.router,
    series.router,
    series.jobs_router,
    deliveries.router,
    export.router,
)
