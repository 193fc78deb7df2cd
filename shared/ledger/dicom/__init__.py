"""DICOM in the ledger: instances, series, deliveries and workitems."""
