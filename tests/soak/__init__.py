"""A long run under load, on real threads, against the oracle of `tests.schedules`."""
