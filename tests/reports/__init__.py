"""Public reports of work under another's ids, rebuilt on the real library: `python -m tests.reports --help`."""
