"""Where bytes are kept: a folder or S3."""
