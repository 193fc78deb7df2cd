"""Converts models of nnU-Net v2 to model folders, and makes small ones to compare with."""
