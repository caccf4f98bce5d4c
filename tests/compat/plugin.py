"""`pytest -p tests.compat.plugin`: skips what an environment cannot run, and writes down what ran there.

Only what `--lacking` names is skipped for, and only where a test, or the demo, asks for it: that otel-handoff itself
imports the SDK where there is none stays a failure. In every other run a missing package is an error.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Generator, Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import pytest

import otel_handoff

PACKAGES: Final = ("opentelemetry-api", "opentelemetry-sdk", "opentelemetry-instrumentation", "wrapt")

_CORE: Final = Path(otel_handoff.__file__).parent
_NEEDS_EXTRAS: Final = _CORE / "demo"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the two options."""
    group = parser.getgroup("compatibility")
    group.addoption("--lacking", metavar="MODULES", default="", help="skip tests that import one of these: a,b.c")
    group.addoption("--row", metavar="FILE", type=Path, help="write versions and counts to FILE, as JSON")


def pytest_configure(config: pytest.Config) -> None:
    """Do what the options ask for."""
    modules = tuple(name for name in str(config.getoption("--lacking")).split(",") if name)
    for name in modules:
        if _is_here(name):
            raise pytest.UsageError(f"--lacking {name}: it is here")
    if modules:
        config.pluginmanager.register(Lacking(modules))
    file: Path | None = config.getoption("--row")
    if file is not None:
        config.pluginmanager.register(Row(file))


def _is_here(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # its parent is not
        return False


class Lacking:
    """Turns the failure to import one of `modules` into a skip with a reason."""

    def __init__(self, modules: tuple[str, ...]) -> None:
        self._modules = modules

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Skip a test module."""
        report = yield
        call: Any = getattr(report, "call", None)
        if report.failed and call is not None:
            self._skip(report, call.excinfo.value, collector.path, 0)
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Skip a test."""
        report = yield
        if report.failed and call.excinfo is not None:
            self._skip(report, call.excinfo.value, item.path, item.location[1] or 0)
        return report

    def _skip(self, report: Any, error: BaseException, path: Path, line: int) -> None:
        for cause in _chain(error):
            if isinstance(cause, ModuleNotFoundError) and _asked_by_a_test(cause):
                for module in self._modules:
                    if f"{module}.".startswith(f"{cause.name}.") or f"{cause.name}.".startswith(f"{module}."):
                        report.outcome = "skipped"
                        report.longrepr = (str(path), line, f"Skipped: needs {module}, which this environment lacks")
                        return


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _asked_by_a_test(error: ModuleNotFoundError) -> bool:
    traceback = error.__traceback__
    asked_in = Path()
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if not file.startswith("<frozen importlib"):
            asked_in = Path(file)
        traceback = traceback.tb_next
    return not asked_in.is_relative_to(_CORE) or asked_in.is_relative_to(_NEEDS_EXTRAS)


class Row:
    """Writes what was run, where, and what came of it."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Count as pytest's last line does."""
        counts = {kind: len(terminalreporter.stats.get(kind, ())) for kind in ("passed", "skipped", "failed", "error")}
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps({**environment(), **counts}, indent=1) + "\n", "utf-8")


def environment() -> dict[str, Any]:
    """Return the versions of what matters here, None for what is not installed."""
    return {
        "python": ".".join(map(str, sys.version_info[:3])),
        "c_extension": "wrapt._wrappers" in sys.modules,
        **{package: _version(package) for package in PACKAGES},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
