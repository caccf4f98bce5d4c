"""What stands around the host's functions: one boundary, attached."""
