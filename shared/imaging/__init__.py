"""Scans as arrays: geometry, volumes, file formats and their sandbox, preprocessing."""
