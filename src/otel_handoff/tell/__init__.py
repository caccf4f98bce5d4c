"""What is told of it: reports, metrics, spans."""
