"""Requests to other systems: webhooks and DICOM destinations."""
