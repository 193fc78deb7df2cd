"""Segments volumes window by window, step by step as nnU-Net v2 does."""
