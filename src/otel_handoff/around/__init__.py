"""What is around a host's functions: the hand-over, the work, the calls."""
