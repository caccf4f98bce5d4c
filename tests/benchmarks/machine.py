"""On what it was measured. No host name: what counts is the kind of machine."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Final

_LIBRARIES: Final = (
    "otel-handoff",
    "opentelemetry-api",
    "opentelemetry-sdk",
    "opentelemetry-instrumentation",
    "wrapt",
    "opentelemetry-instrumentation-threading",
    "logfire",
    "ddtrace",
    "sentry-sdk",
)


def cpu_model() -> str:
    """Return the processor's name, as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def describe() -> list[tuple[str, str]]:
    """Return (what, which) of the machine, of Python and of each library that matters."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 0
    load = f", load average {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    described = [
        ("CPU", f"{cpu_model()}, {cores} cores{load}"),
        ("system", f"{platform.system()} {platform.release().partition('-')[0]}, {platform.machine()}"),
        ("Python", f"{platform.python_implementation()} {platform.python_version()}"),
    ]
    for library in _LIBRARIES:
        try:
            described.append((library, metadata.version(library)))
        except metadata.PackageNotFoundError:
            described.append((library, "not installed"))
    return described
