"""Tests of `otel-handoff check`."""
