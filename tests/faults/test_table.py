"""The faults that are documented are those that are tested."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.docs.tables import made
from tests.faults import table


def test_the_table_is_up_to_date() -> None:
    """Whoever adds a fault or changes a promise makes it anew: python -m tests.faults.table --write."""
    page = table.PAGE.read_text("utf-8")
    assert page == made(page, table.PAGES[table.PAGE])


def test_a_table_that_is_not_is_found() -> None:
    """A promise that was changed on the page alone."""
    page = table.PAGE.read_text("utf-8")
    changed = page.replace(table.promise("faults/test_hook.py::test_hook_raises"), "It is never called again.")
    assert changed != page
    assert made(changed, table.PAGES[table.PAGE]) == page


def test_every_fault_is_in_the_table() -> None:
    """Each test of this folder is, but for those of the tests themselves."""
    own = {Path(__file__).name, "test_control.py"}
    here = {
        f"faults/{path.name}::{node.name}"
        for path in Path(__file__).parent.glob("test_*.py")
        if path.name not in own
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
    listed = {test for tests in table.FAULTS.values() for test in tests}
    assert here - listed == set()
