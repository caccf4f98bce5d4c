"""The pytest plugin, and provoked interleavings."""
