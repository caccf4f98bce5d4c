"""The rooms of the package: which may use which, and no circle anywhere, not for types either."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Final

import pytest

from otel_handoff.record.locations import ROOMS

SOURCE: Final = Path(__file__).parents[2] / "src" / "otel_handoff"

BOTTOM: Final = ["version", "host"]
DATA: Final = [*BOTTOM, "record"]
DECLARED: Final = [*DATA, "boundary", "environment_variables"]
ROWS: Final = [*DECLARED, "handover", "tell"]
ENGINE: Final = [*ROWS, "declare", "watch", "judge", "processor", "around", "engines"]
DOORS: Final = ["instrumentor", "elspeth"]
READ_BACK: Final = ["commands", "traces", "check"]

MAY_USE: Final = {
    # what runs in the host
    "host": [],
    "record": BOTTOM,
    "boundary": BOTTOM,
    "environment_variables": [],
    "declare": DECLARED,
    "handover": DATA,
    "tell": [*DATA, "handover"],
    "watch": [*DATA, "handover", "tell"],
    "judge": [*DECLARED, "handover", "tell"],
    "processor": [*DATA, "handover", "tell"],
    "around": [*ROWS, "declare", "watch", "judge", "processor"],
    "engines": [*ROWS, "declare", "watch", "judge", "around"],
    "instrumentor": ENGINE,
    "elspeth": ["boundary", "instrumentor"],
    "dask": ["boundary", "around", "instrumentor"],
    "propagator": [*DATA, "handover"],
    "file_exporter": ["environment_variables"],
    "version": [],
    "__init__": [*ENGINE, *DOORS],
    # the tools
    "commands": [],
    "traces": ["commands"],
    "check": [*DATA, "commands", "traces", "elspeth"],
    "report": [*DATA, *READ_BACK],
    "doctor": [*ENGINE, *DOORS, "commands"],
    "find": [*ENGINE, *DOORS, "commands", "report"],
    "testing": [*ENGINE, *DOORS, "find"],
    "demo": [*DATA, "boundary", "tell", "commands", *DOORS, "file_exporter", "report"],
    "dashboards": ["commands"],
    "hashes": ["record", "commands"],
    "cli": ["version", "host", "check", "demo", "doctor", "find", "report", "dashboards", "hashes"],
}
"""For each room, the others that it may use. Read upwards it is the order of `docs/architecture.md`."""


def modules() -> list[str]:
    """Return the modules of the package: `host/guard`, and `host/__init__` as `host/__init__`."""
    return sorted(path.relative_to(SOURCE).with_suffix("").as_posix() for path in SOURCE.rglob("*.py"))


def room_of(module: str) -> str:
    """Return the room that a module is in, or itself where it stands in the door."""
    return module.partition("/")[0]


def used_by(module: str) -> Iterator[str]:
    """Yield the modules of the package that a module imports anywhere in it: in a function and for types as well."""
    for node in ast.walk(ast.parse((SOURCE / f"{module}.py").read_text("utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            parts = name.split(".")
            if parts[0] == "otel_handoff" and len(parts) > 1:
                path = SOURCE.joinpath(*parts[1:])
                if path.with_suffix(".py").exists():
                    yield "/".join(parts[1:])
                elif (path / "__init__.py").exists():
                    yield "/".join([*parts[1:], "__init__"])


@pytest.mark.parametrize("module", modules())
def test_a_module_uses_what_its_room_may(module: str) -> None:
    """And no more than that."""
    room = room_of(module)
    used = {room_of(other) for other in used_by(module)} - {room}
    assert used <= set(MAY_USE[room])


def test_nothing_is_used_in_a_circle() -> None:
    """Neither a room, nor a module. What imports a name of the package itself, as its users do, is a tool or a door."""
    graph = {module: set(used_by(module)) - {f"{room_of(module)}/__init__"} for module in modules()}
    TopologicalSorter(graph).prepare()  # raises CycleError
    rooms: dict[str, set[str]] = {}
    for module, used in graph.items():
        rooms.setdefault(room_of(module), set()).update({room_of(other) for other in used} - {room_of(module)})
    TopologicalSorter(rooms).prepare()


def test_the_table_is_of_what_is_there() -> None:
    """Each room is in it, with others that are rooms as well; and what runs in the host is hidden in reports."""
    there = {room_of(module) for module in modules()}
    assert set(MAY_USE) == there
    assert {other for others in MAY_USE.values() for other in others} <= there
    assert {room for room in list(MAY_USE)[: list(MAY_USE).index("commands")] if (SOURCE / room).is_dir()} == set(ROOMS)


def test_what_may_be_used_goes_one_way() -> None:
    """The table itself allows no circle."""
    TopologicalSorter({room: set(others) for room, others in MAY_USE.items()}).prepare()
