"""Tests of `otel-handoff find`."""
