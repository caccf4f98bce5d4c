"""Trying what was built where nothing else is."""

from __future__ import annotations

import os
import sys
import venv
from pathlib import Path
from typing import Final

from tests.release.build import run, unpacked

HOST: Final = '''
"""A host: hands two orders over on one context, and reads it when both were."""
import threading
from concurrent.futures import ThreadPoolExecutor


class Context:
    order_id = None


class Pool:
    def __init__(self):
        self.both = threading.Event()
        self.executor = ThreadPoolExecutor(2)

    def enqueue(self, ctx):
        return self.executor.submit(self._run, ctx)

    def _run(self, ctx):
        assert self.both.wait(20)
        return file(ctx.order_id)


def file(order_id):
    return order_id


def main():
    pool, ctx, futures = Pool(), Context(), []
    for ctx.order_id in "AB":
        futures.append(pool.enqueue(ctx))
    pool.both.set()
    return "".join(future.result(20) for future in futures)


if __name__ == "__main__":
    import host

    print(host.main())
'''

_CODE: Final = """
import host
from otel_handoff import Boundary, HandoffInstrumentor

assert host.main() == "BB"
boundary = Boundary(name="o", submit="host:Pool.enqueue", work="host:Pool._run", fields={"order_id": "order_id"})
told = []
for mode, expected, outcome in (("observe", "BB", "used"), ("pin", "AB", "prevented")):
    HandoffInstrumentor().instrument(mode=mode, boundaries=[boundary], on_mismatch=told.append)
    assert host.main() == expected, mode
    HandoffInstrumentor().uninstrument()
    assert outcome in {mismatch.outcome for mismatch in told}, told
from otel_handoff.host.guard import guard

assert guard.errors.value == 0
"""

BOUNDARIES: Final = """
from otel_handoff import Boundary

ALL = [Boundary(name="o", submit="host:Pool.enqueue", work="host:Pool._run", fields={"order_id": "order_id"})]
"""

_POINTS: Final = """
from importlib.metadata import entry_points

for group, names in (
    ("opentelemetry_instrumentor", {"elspeth", "handoff"}),
    ("opentelemetry_environment_variables", {"handoff"}),
    ("opentelemetry_traces_exporter", {"handoff_file"}),
    ("pytest11", {"otel_handoff"}),
    ("console_scripts", {"otel-handoff"}),
):
    ours = {point.name: point for point in entry_points(group=group) if point.value.startswith("otel_handoff")}
    assert set(ours) == names, (group, ours)
    if group not in ("pytest11", "opentelemetry_traces_exporter"):  # need pytest, and the SDK
        [point.load() for point in ours.values()]
"""


def smoke(wheel: Path, directory: Path) -> str:
    """Install the wheel with its core dependencies alone, and use it.

    Returns:
        A line that says so.

    Raises:
        AssertionError: something does not work; with what was said.
    """
    programs = environment(directory / "venv", wheel)
    python = programs / "python"
    modules(directory, host=HOST, code=_CODE, declared=BOUNDARIES, points=_POINTS)
    run(python, "code.py", cwd=directory)
    run(python, "points.py", cwd=directory)
    command = programs / "otel-handoff"
    said = run(command, "--help", cwd=directory)
    assert all(name in said for name in ("demo", "check", "report", "dashboards")), said
    run(command, "dashboards", "monitoring", cwd=directory)
    assert (directory / "monitoring" / "alerts" / "runbook.md").is_file()
    (directory / "empty.jsonl").write_text('{"resourceSpans": []}\n', "utf-8")
    for name in ("check", "report"):
        assert name in run(command, name, "--help", cwd=directory)
    launcher = programs / "opentelemetry-instrument"
    assert "--handoff_mode" in run(launcher, "--help", cwd=directory)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    declared = ("--handoff_boundaries", "declared:ALL")
    zero_code = run(launcher, *declared, python, "host.py", cwd=directory, PYTHONPATH=str(directory), PATH=path)
    assert zero_code == "AB\n", zero_code
    return "the core alone works"


def tested(sdist: Path, directory: Path) -> str:
    """Run tests of an unpacked sdist, as it is, with what this environment has.

    Returns:
        A line that says so.

    Raises:
        AssertionError: one fails.
    """
    tree = unpacked(sdist, directory)
    options = ("-q", "-p", "no:cacheprovider")
    tests = (
        "tests/unit/declare/test_settings.py",
        "tests/unit/test_boundary_hand_off.py",
        "tests/report/test_scene.py",
    )
    # The sdist's own package goes before the one that is installed here.
    said = run(sys.executable, "-m", "pytest", *options, *tests, cwd=tree, PYTHONPATH=str(tree / "src"))
    assert "passed" in said, said
    return f"tests of the sdist: {said.splitlines()[-1]}"


def environment(directory: Path, wheel: Path, extra: str = "") -> Path:
    """Make an environment with the wheel, with this extra, and with nothing else; return where its programs are.

    Raises:
        AssertionError: it cannot be installed, or two of what is installed contradict each other.
    """
    venv.create(directory, with_pip=True)
    programs = directory / ("Scripts" if os.name == "nt" else "bin")
    pip = (programs / "python", "-m", "pip", "--disable-pip-version-check")
    run(*pip, "install", "--quiet", f"{wheel}[{extra}]" if extra else wheel)
    run(*pip, "check")
    return programs


def modules(directory: Path, **texts: str) -> None:
    """Write modules, by their names."""
    for name, text in texts.items():
        (directory / f"{name}.py").write_text(text, "utf-8")
