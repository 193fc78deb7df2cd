"""The report of a result as PDF, composed when it is downloaded."""
