"""What is known of a host's own objects and functions."""
