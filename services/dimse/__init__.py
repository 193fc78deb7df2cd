"""The DIMSE node: C-ECHO, and C-STORE into the archive with the checks and limits of STOW-RS."""
