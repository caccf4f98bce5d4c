"""What may break around otel-handoff, and that the host's audit trail is then the same, byte for byte."""
