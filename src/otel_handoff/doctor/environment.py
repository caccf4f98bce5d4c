"""Which process this is, and who set it up."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from otel_handoff.doctor.finding import Finding, note, ok
from otel_handoff.version import __version__

_STARTER: Final = ("opentelemetry", "instrumentation", "auto_instrumentation", "sitecustomize.py")


def is_instrumented() -> bool:
    """Whether `opentelemetry-instrument` started this process: it does its work in a `sitecustomize` of its own."""
    customized = getattr(sys.modules.get("sitecustomize"), "__file__", None) or ""
    return Path(customized).parts[-len(_STARTER) :] == _STARTER


def was_tried() -> bool:
    """Whether automatic instrumentation was begun in this process, by whomever, and however far it got."""
    return "opentelemetry.instrumentation.auto_instrumentation" in sys.modules


def look(before: Sequence[Finding]) -> Iterator[Finding]:
    """Yield versions, and who set the process up, which `before` tells where the doctor had a hand in it."""
    facts = {"version": __version__, "python": platform.python_version(), "executable": sys.executable}
    yield ok("versions", "otel-handoff {version}, Python {python}, {executable}".format_map(facts), **facts)
    if is_instrumented():
        yield ok("set-up", "by opentelemetry-instrument")
    elif not before:
        yield note("set-up", "by its own code, not by opentelemetry-instrument")
    yield from before
