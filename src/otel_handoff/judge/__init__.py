"""Comparing what was read with what was submitted."""
