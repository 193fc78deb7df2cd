"""Converts MONAI bundles: networks whose transforms and windows their configuration describes."""
