"""Watching the fields of a context's class."""
