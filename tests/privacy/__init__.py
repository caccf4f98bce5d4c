"""What leaves the process, byte by byte."""
