"""Breaks the detector on purpose, to show that the suite notices."""
