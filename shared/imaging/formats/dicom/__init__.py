"""DICOM series of MR or CT images, single-frame or enhanced.

Only the attributes in `header.TAGS` are read; names and other personal attributes are never read.
"""
