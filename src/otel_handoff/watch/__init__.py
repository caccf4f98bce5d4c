"""Reads and writes of a context's fields, as they are seen."""
