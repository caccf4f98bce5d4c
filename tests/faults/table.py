"""Make the table of docs/faults.md, or say whether it is up to date: `python -m tests.faults.table [--write]`.

A row is a test: what it holds is the first sentence of its docstring.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.docs.tables import Tables, main

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "faults.md"

FAULTS: Final[dict[str, tuple[str, ...]]] = {
    "exporter refuses connections": ("faults/test_telemetry.py::test_exporter_refused",),
    "exporter hangs": ("faults/test_telemetry.py::test_exporter_hangs",),
    "exporter raises": ("unit/tell/test_alerts.py::test_exporters_that_fail",),
    "disk full": ("faults/test_telemetry.py::test_disk_full",),
    "providers shut down": ("faults/test_telemetry.py::test_provider_shut_down",),
    "tracer provider replaced": ("faults/test_telemetry.py::test_provider_replaced",),
    "tracer provider set late": ("unit/test_processor.py::test_a_provider_that_is_set_later",),
    "providers absent": (
        "faults/test_telemetry.py::test_providers_absent",
        "zero_code/test_opentelemetry_instrument.py::test_without_the_sdk_the_alarm_still_comes",
    ),
    "limits exceeded": (
        "faults/test_telemetry.py::test_limits_exceeded",
        "unit/tell/test_alerts.py::test_log_attribute_limits",
    ),
    "too many mismatches": ("unit/tell/test_alike.py::test_a_storm_is_counted_and_not_told",),
    "hook raises": ("faults/test_hook.py::test_hook_raises", "unit/tell/test_alerts.py::test_a_hook_that_raises"),
    "hook blocks": ("faults/test_hook.py::test_hook_blocks",),
    "hook uninstruments": ("hazards/test_around_it.py::test_uninstrument_in_a_hook",),
    "log handler raises": ("unit/host/test_guard.py::test_a_logging_handler_that_raises_does_not_reach_the_host",),
    "context breaks us": ("unit/host/test_guard.py::test_a_context_that_breaks_us_does_not_break_the_host",),
    "fork": (
        "faults/test_processes.py::test_fork",
        "hazards/test_around_it.py::test_fork_while_rows_are_in_flight",
        "hazards/test_around_it.py::test_fork_while_another_thread_hands_over",
    ),
    "spawn": ("faults/test_processes.py::test_spawn", "unit/handover/test_carry.py::test_a_process_pool"),
    "interpreter exit": ("faults/test_processes.py::test_interpreter_exit",),
    "worker interrupted": ("faults/test_interrupts.py::test_worker_interrupted",),
    "Ctrl-C": ("faults/test_interrupts.py::test_ctrl_c",),
    "interrupted inside of us": ("faults/test_interrupts.py::test_interrupted_at_any_line_of_ours",),
    "rows never run": (
        "faults/test_rows.py::test_rows_that_never_run",
        "faults/test_rows.py::test_any_number_of_rows_waits_for_a_host_s_own_threads",
        "faults/test_rows.py::test_rows_beyond_those_that_can_be_claimed",
        "faults/test_rows.py::test_blind_rows_dropped_from_a_queue_of_the_host_s_own",
        "unit/tell/test_metrics.py::test_cancelled_rows_leak_nothing",
    ),
    "two instrumentors": (
        "faults/test_rows.py::test_two_instrumentors",
        "unit/test_instrumentors.py::test_two_instrumentors_on_one_class",
        "unit/test_instrumentors.py::test_two_instrumentors_on_one_boundary",
    ),
    "`uninstrument()` under load": (
        "faults/test_rows.py::test_coming_and_going",
        "faults/test_rows.py::test_uninstrument_in_a_race",
        "unit/test_instrumentors.py::test_coming_and_going_under_load",
        "hazards/test_coming_and_going.py::test_rows_in_flight_when_it_is_undone",
    ),
}
"""The tests of each fault, by their places below `tests`."""


def promise(test: str) -> str:
    """Return the first sentence of a test's docstring.

    Raises:
        KeyError: there is no such test.
    """
    path, _, name = test.partition("::")
    for node in ast.parse((ROOT / "tests" / path).read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return (ast.get_docstring(node) or "").partition("\n\n")[0].replace("\n", " ").replace("|", "\\|")
    raise KeyError(test)


def rows() -> Iterator[str]:
    """Yield the table."""
    yield "| fault | promise | test |"
    yield "|---|---|---|"
    for fault, tests in FAULTS.items():
        for number, test in enumerate(tests):
            path, _, name = test.partition("::")
            yield f"| {fault if number == 0 else ''} | {promise(test)} | [`{name}`](../tests/{path}) |"


PAGES: Final[dict[Path, Tables]] = {PAGE: {"tests/faults/table.py": rows}}

if __name__ == "__main__":
    sys.exit(main(PAGES))
