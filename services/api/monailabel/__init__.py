"""MONAI Label's HTTP interface, as 3D Slicer's plugin calls it, on the jobs and revisions of this service."""

from services.api.monailabel import datastore, inference, service

ROUTERS = (service.router, datastore.router, inference.router)
