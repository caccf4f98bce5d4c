"""Where one run is, as each of its processes needs to know."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Place(NamedTuple):
    """Plain data.

    Attributes:
        mode: of otel-handoff.
        database: the landscape.
        traces: OTLP JSON lines.
        log: what the worker prints.
        url: of the service.
        folder: for messages: nobody else may write there.
        broker: its URL, where the engine has one.
    """

    mode: str
    database: Path
    traces: Path
    log: Path
    url: str
    folder: str
    broker: str
