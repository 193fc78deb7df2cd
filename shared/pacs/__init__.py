"""The DICOM archive: stored instances, series that become jobs, results that leave."""
