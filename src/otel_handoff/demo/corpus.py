"""The rows: public-domain prose that comes with the package."""

from __future__ import annotations

import csv
from importlib.resources import files
from itertools import cycle, islice


def load(rows: int) -> list[dict[str, object]]:
    """Return `rows` rows of `{"id", "source", "text"}`, from the first again when there are no more."""
    text = (files("otel_handoff.demo") / "data" / "prose.csv").read_text(encoding="utf-8")
    return list(islice(cycle(dict[str, object](row) for row in csv.DictReader(text.splitlines())), rows))
