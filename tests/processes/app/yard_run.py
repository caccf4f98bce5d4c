"""Runs shapes, one after the other: `python yard_run.py submit+by_map fork 40`."""

import sys

import yard
import yard_clerk
import yard_on

if __name__ == "__main__":
    sys.setswitchinterval(5)  # nothing is pickled while rows are handed over, but what is so at once
    yard_on.turn_on("parent")
    for shape in sys.argv[1].split("+"):
        getattr(yard if hasattr(yard, shape) else yard_clerk, shape)(sys.argv[2], int(sys.argv[3]))
    yard_on.turn_off()
