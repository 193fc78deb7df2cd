"""DICOM files as such: decoding, de-identification, patient attributes."""
