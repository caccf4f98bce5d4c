"""Reads and writes of fields."""
