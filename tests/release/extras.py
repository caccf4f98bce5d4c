"""Trying each extra of what was built in an environment of its own."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from importlib.metadata import metadata
from pathlib import Path
from typing import Final

from tests.release.build import run
from tests.release.environments import BOUNDARIES, HOST, environment, modules

_SPANS: Final = """
import host
from declared import ALL
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from otel_handoff import HandoffInstrumentor
from otel_handoff.host.guard import guard

provider, exporter = TracerProvider(), InMemorySpanExporter()
provider.add_span_processor(SimpleSpanProcessor(exporter))


def file(order_id):
    with provider.get_tracer("host").start_as_current_span("untold"):
        pass
    with provider.get_tracer("host").start_as_current_span("told", attributes={"o.order_id": order_id}):
        return order_id


host.file = file
HandoffInstrumentor().instrument(mode="observe", boundaries=ALL, tracer_provider=provider)
assert host.main() == "BB"
HandoffInstrumentor().uninstrument()

spans = [(span.name, dict(span.attributes)) for span in exporter.get_finished_spans()]
assert sorted(carried["o.order_id"] for name, carried in spans if name == "untold") == ["A", "B"], spans
(found,) = [carried for _, carried in spans if carried.get("handoff.mismatch.evidence") == "span"]
assert (found["o.order_id"], found["handoff.observed.order_id"]) == ("A", "B"), spans
assert guard.errors.value == 0
"""

_TESTS: Final = """
import host


def test_two_orders():
    host.main()
"""

_IMPORTED: Final = """
import re, sys
from importlib import import_module
from importlib.metadata import PackageNotFoundError, packages_distributions, requires, version

extra, wanted = sys.argv[1], []
for line in requires("otel-handoff"):
    if re.search(rf"extra == .{extra}\\W", line) and not line.startswith("otel-handoff["):
        wanted.append(re.match(r"[\\w.-]+", line)[0])
modules = {}
for module, distributions in packages_distributions().items():
    for distribution in distributions:
        modules.setdefault(re.sub(r"[-_.]+", "-", distribution).lower(), []).append(module)
for name in wanted:
    try:
        found = version(name)
    except PackageNotFoundError:  # pip leaves out what is for another Python
        print(name, "left out")
        continue
    [import_module(module) for module in modules.get(name, [name])]  # logfire has its module from a package it requires
    print(name, found)
"""


def _sdk(programs: Path, directory: Path) -> None:
    """The processor tags a span of the host's own, finds a wrong id on another, and tells it on the row's span."""
    modules(directory, host=HOST, declared=BOUNDARIES, spans=_SPANS)
    run(programs / "python", "spans.py", cwd=directory)


_FILE: Final = """
import host
from declared import ALL
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from otel_handoff import HandoffInstrumentor
from otel_handoff.file_exporter import FileSpanExporter

provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(FileSpanExporter("folder/traces.jsonl")))
HandoffInstrumentor().instrument(mode="observe", boundaries=ALL, tracer_provider=provider)
assert host.main() == "BB"
"""


def _file(programs: Path, directory: Path) -> None:
    """What it writes is judged."""
    modules(directory, host=HOST, declared=BOUNDARIES, spans=_FILE)
    run(programs / "python", "spans.py", cwd=directory)
    judged = json.loads(
        run(programs / "otel-handoff", "check", "folder/traces.jsonl", "--format", "json", cwd=directory, code=1)
    )
    assert [each["outcome"] for each in judged["mismatches"]] == ["used"], judged


def _demo(programs: Path, directory: Path) -> None:
    """The demo runs, and what it left is judged and drawn."""
    command = programs / "otel-handoff"
    run(command, "demo", "--rows", "20", "--out", "demo", cwd=directory)
    judged = json.loads(run(command, "check", "demo/observe", "--format", "json", cwd=directory, code=1))
    assert {each["outcome"] for each in judged["mismatches"]} >= {"used"}, judged
    run(command, "check", "demo/pin", "--fail-on", "error", cwd=directory)
    run(command, "report", "demo", "-o", "report.html", cwd=directory)
    assert "<html" in (directory / "report.html").read_text("utf-8")


def _test(programs: Path, directory: Path) -> None:
    """A test with a race passes by itself, fails under the plugin, and passes where each row is pinned."""
    modules(directory, host=HOST, declared=BOUNDARIES, test_host=_TESTS)
    pytest = (programs / "python", "-m", "pytest", "-q")
    checked = (*pytest, "--handoff", "--handoff-boundaries", "declared:ALL")
    run(*pytest, cwd=directory)
    said = run(*checked, cwd=directory, code=1)
    assert "HANDOFF MISMATCH (used)" in said, said
    run(*checked, "--handoff-mode", "pin", cwd=directory)


USED: Final[dict[str, Callable[[Path, Path], None]]] = {"sdk": _sdk, "file": _file, "demo": _demo, "test": _test}
"""The extras of those who use otel-handoff, and what each is for."""


def others() -> list[str]:
    """Return the extras of those who work on otel-handoff."""
    return [extra for extra in metadata("otel-handoff").get_all("Provides-Extra") or [] if extra not in USED]


def tried(wheel: Path, extra: str, directory: Path) -> str:
    """Install the wheel with this extra, and use it for what it is for, or else import what it brings.

    Returns:
        A line that says how long it took and how much there is.

    Raises:
        AssertionError: something does not work; with what was said.
    """
    directory.mkdir()
    began = time.monotonic()
    programs = environment(directory / "venv", wheel, extra)
    installed = time.monotonic()
    if extra in USED:
        USED[extra](programs, directory)
        brought = "works"
    else:
        modules(directory, imported=_IMPORTED)
        brought = ", ".join(run(programs / "python", "imported.py", extra, cwd=directory).splitlines())
    tried = time.monotonic()
    size = sum(file.stat().st_size for file in (directory / "venv").rglob("*") if not file.is_symlink()) / 1e6
    shutil.rmtree(directory / "venv")
    return (
        f"[{extra}] {brought} ({installed - began:.0f} s to install {size:,.0f} MB, {tried - installed:.0f} s to try)"
    )
