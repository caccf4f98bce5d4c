"""From the submit function to the worker: the lease of a row, and the ways on which it gets across."""
