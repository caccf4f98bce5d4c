"""Tests of `otel-handoff report`: the scenes against the spans, the page in a real browser, the command."""
