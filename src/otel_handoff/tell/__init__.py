"""Where it goes: the span, the log record, the counter, Python's logging and the user's hook."""
