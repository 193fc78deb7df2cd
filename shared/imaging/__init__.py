"""Scans as arrays: geometry, volumes, file formats, preprocessing."""
