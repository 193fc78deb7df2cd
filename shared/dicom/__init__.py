"""What gateway, mesher and reconciler share of DICOM: who a series is of, how an instance is described and decoded."""
