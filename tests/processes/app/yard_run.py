"""Runs one shape: `python yard_run.py submit fork 40`."""

import sys

import yard
import yard_on

if __name__ == "__main__":
    sys.setswitchinterval(5)  # nothing is pickled while rows are handed over, but what is so at once
    yard_on.turn_on("parent")
    getattr(yard, sys.argv[1])(sys.argv[2], int(sys.argv[3]))
    yard_on.turn_off()
