"""`otel-handoff report`: one page that shows each mismatch, both threads, and the write that did it.

From spans alone: `collect` reads them once into the `model`, `selection` takes what lies around the mismatches, `axis`
and `lanes` give it its place, `drawing` makes the SVG, `listing` the texts beside it, `page` the file. `perfetto` writes
the same model for ui.perfetto.dev.
"""
