"""Nothing is declared: what is wrong in a program is found, named and guarded; and a right one is not accused."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from otel_handoff import Boundary, HandoffInstrumentor, Mismatch
from otel_handoff.find import session
from otel_handoff.find.found import EXPOSED, WRONG, Found, Result, together
from otel_handoff.find.text import lines
from otel_handoff.find.verify import NOT_KNOWN, WRONG_IDS, verdict
from tests.find.holders import HELD, HELD_BEHIND, HELD_RIGHTLY
from tests.find.kinds import GUARDED, UNGUARDED, UNSEEN
from tests.find.meant import MEANT
from tests.find.newest import LIKE_IT, MEANT_BECAUSE, NEWEST
from tests.find.programs import CLEAN, DOUBTFUL, ELSEWHERE, IN_A_VARIABLE, OFFICE, TWO_CLASSES, TWO_OBJECTS, Program
from tests.find.programs import WRONG as WRONG_PROGRAMS
from tests.find.right import RIGHT
from tests.find.stages import STAGES


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder of modules, forgotten afterwards."""
    (tmp_path / "office.py").write_text(OFFICE, "utf-8")
    sys.path.insert(0, str(tmp_path))
    known = set(sys.modules)
    yield tmp_path
    sys.path.remove(str(tmp_path))
    for name in set(sys.modules) - known:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]
    importlib.invalidate_caches()


def loaded(folder: Path, program: Program) -> tuple[Any, Any]:
    """Return the program's module and the office, both new."""
    for name in ("office", program.name):
        sys.modules.pop(name, None)
    (folder / f"{program.name}.py").write_text(program.text, "utf-8")
    importlib.invalidate_caches()
    return importlib.import_module(program.name), importlib.import_module("office")


def looked_at(folder: Path, program: Program) -> tuple[Result, int]:
    """Run a program, looked at; return what was found, and how many rows are wrong by its own account."""
    session.start()
    try:
        module, office = loaded(folder, program)
        module.main()
        return session.result(), office.wrong()
    finally:
        session.stop()


def tried(folder: Path, program: Program, found: Found, mode: str) -> tuple[list[Mismatch], int]:
    """Run it again with what was proposed."""
    told: list[Mismatch] = []
    assert found.boundary is not None
    module, office = loaded(folder, program)
    instrumentor = HandoffInstrumentor()
    instrumentor.instrument(boundaries=[Boundary.from_mapping(found.boundary)], mode=mode, on_mismatch=told.append)
    try:
        module.main()
    finally:
        instrumentor.uninstrument()
    return told, office.wrong()


def shown(result: Result) -> list[tuple[str, str, str]]:
    """Return what is said, in short."""
    return [(found.verdict, found.work, found.context) for found in result.found]


@pytest.mark.parametrize(
    "program", [*WRONG_PROGRAMS, *GUARDED, *UNGUARDED, *HELD, *HELD_BEHIND], ids=lambda program: program.name
)
def test_what_is_wrong(folder: Path, program: Program) -> None:
    """It is found in each wrong row, at the line that read and the line that wrote, and nothing else is wrong."""
    result, wrong = looked_at(folder, program)
    assert wrong >= 5
    (found,) = [found for found in result.found if found.verdict in (WRONG, EXPOSED)]
    assert (found.verdict, found.way) == (program.verdict, program.way)
    assert (found.work, found.context) == (f"{program.name}:{program.work}", program.context)
    assert program.field in found.fields.values()
    if program.verdict == WRONG:
        assert found.wrong == wrong
        assert {line.file for line in found.reads} == {str(folder / f"{program.name}.py")}
        assert {line.file for line in found.writes} == {str(folder / f"{program.name}.py")}
        source = program.text.splitlines()
        stores = [f".{part} = " for part in program.field.split(".")]
        assert all(any(store in source[line.line - 1] for store in stores) for line in found.writes)
    else:
        assert found.moved == wrong
        assert found.unwatched


@pytest.mark.parametrize("program", [*WRONG_PROGRAMS, *GUARDED, *HELD], ids=lambda program: program.name)
def test_what_is_proposed(folder: Path, program: Program) -> None:
    """It works as it is printed: observe finds the rows that are wrong, and pin leaves none."""
    result, wrong = looked_at(folder, program)
    found = next(found for found in result.found if found.verdict in (WRONG, EXPOSED))
    told, left = tried(folder, program, found, "observe")
    assert left == wrong
    outcome = "used" if program.verdict == WRONG else "exposed"
    assert [mismatch.outcome for mismatch in told].count(outcome) == wrong
    told, left = tried(folder, program, found, "pin")
    assert left == 0
    assert {mismatch.outcome for mismatch in told} <= {"prevented"}


@pytest.mark.parametrize("program", STAGES, ids=lambda program: program.name)
def test_what_is_handed_on(folder: Path, program: Program) -> None:
    """It is found where the next stage has it, and is no all-clear, also where each row has an object of its own."""
    result, wrong = looked_at(folder, program)
    assert wrong >= 5
    found = next(found for found in result.found if found.work == f"{program.name}:{program.work}")
    assert (found.verdict, found.context) == (program.verdict, program.context)
    assert program.field in found.fields.values()
    assert verdict(result, None) == (WRONG_IDS if program.verdict == WRONG else NOT_KNOWN)


def told(result: Result) -> list[str]:
    """Return the report."""
    return list(lines(result, None, shared=False))


@pytest.mark.parametrize("program", [*UNGUARDED, *HELD_BEHIND], ids=lambda program: program.name)
def test_what_no_boundary_guards(folder: Path, program: Program) -> None:
    """It is said why, and it is no all-clear."""
    result, _ = looked_at(folder, program)
    (found,) = [found for found in result.found if found.verdict in (WRONG, EXPOSED)]
    assert found.boundary is None
    assert found.why_not
    assert verdict(result, None) == (WRONG_IDS if found.verdict == WRONG else NOT_KNOWN)


def test_what_is_not_looked_into(folder: Path) -> None:
    """It is told, and the last line does not read as if all had been seen."""
    said: dict[str, list[str]] = {}
    for program in UNSEEN:
        result, wrong = looked_at(folder, program)
        assert wrong == 5
        assert not any(line.endswith("of 6 rows in 1 process.") for line in told(result))
        said[program.name] = list(result.unseen)
    assert said == {
        "a_deque": ["what goes through the deque at 'items'"],
        "too_many": ["objects beyond the first 64, at 'shelf.places.2.places.14'"],
        "too_deep": ["what is on the object at 'desk.inner.inner.inner.inner.inner.inner.inner.inner'"],
    }


@pytest.mark.parametrize("program", DOUBTFUL, ids=[program.name for program in DOUBTFUL])
def test_what_is_doubtful(folder: Path, program: Program) -> None:
    """It is told with all that was seen, and is not known; what is proposed works."""
    result, wrong = looked_at(folder, program)
    assert wrong == 5
    (found,) = [found for found in result.found if found.verdict in (WRONG, EXPOSED)]
    assert (found.verdict, found.wrong) == (EXPOSED, wrong)
    assert result.in_doubt == 1
    assert tried(folder, program, found, "pin")[1] == 0


@pytest.mark.parametrize("program", [*ELSEWHERE, *LIKE_IT], ids=lambda program: program.name)
def test_what_is_wrong_elsewhere(folder: Path, program: Program) -> None:
    """It is found, though no line hands over the same object twice, or nothing is handed over but the id."""
    result, wrong = looked_at(folder, program)
    told = [found for found in result.found if found.verdict == WRONG]
    assert sum(found.wrong for found in told) == wrong > 0, shown(result)
    assert {(found.work, found.context) for found in told} == {(f"{program.name}:{program.work}", program.context)}
    assert all(program.field in found.fields.values() for found in told)


def test_several_objects_of_one_function(folder: Path) -> None:
    """They are guarded by one boundary, as two of one function would not see each other's."""
    result, wrong = looked_at(folder, TWO_OBJECTS)
    assert wrong == 5
    named = together([result])
    first, second = [found for found in named.found if found.verdict == WRONG]
    assert first.boundary == second.boundary
    assert first.boundary is not None
    assert first.boundary["context"] == ["one", "other"]
    assert tried(folder, TWO_OBJECTS, first, "pin")[1] == 0


def test_objects_of_several_classes(folder: Path) -> None:
    """Each row is counted that was handed over by one line, whatever its object was."""
    result, wrong = looked_at(folder, TWO_CLASSES)
    assert wrong == 4
    (found,) = [found for found in result.found if found.verdict == WRONG]
    assert (found.kind, found.rows, found.wrong, found.moved) == ("Order or Refund", 6, wrong, wrong)
    assert [line.times for line in (*found.reads, *found.writes)] == [wrong, wrong]


def test_a_context_variable(folder: Path) -> None:
    """A worker that begins without what it held is told, and runs with it where that is proposed."""
    result, wrong = looked_at(folder, IN_A_VARIABLE)
    assert wrong == 6
    (found,) = [found for found in result.found if found.verdict == EXPOSED]
    assert (found.context, found.moved) == ("ContextVar current_row", wrong)
    assert found.boundary == {"name": "work", "work": "in_a_variable:work", "contextvars": True}
    assert tried(folder, IN_A_VARIABLE, found, "pin") == ([], 0)


@pytest.mark.parametrize("program", [*CLEAN, *RIGHT, *MEANT, *NEWEST, *HELD_RIGHTLY], ids=lambda program: program.name)
def test_what_is_right(folder: Path, program: Program) -> None:
    """It is not accused."""
    result, wrong = looked_at(folder, program)
    assert wrong == 0
    assert WRONG not in {found.verdict for found in result.found}, shown(result)


def test_why_it_is_in_doubt(folder: Path) -> None:
    """Where a worker reads what is written since, and it may be everybody's, it is said why that is thought."""
    said: dict[str, str] = {}
    for program in RIGHT:
        for found in looked_at(folder, program)[0].found:
            if found.doubt:
                said[program.name] = found.doubt
    assert said == {
        "stale_searches": "where it is read, it is only compared",
        "a_generation": "where it is read, it is only compared",
        "wait_for_a_version": "where it is read, it is only compared",
        "which_is_current": "where it is read, nothing of the row's own is used with it",
        "heartbeats": "where it is read, nothing of the row's own is used with it",
        "says_in_its_log": "where it is read, it is only printed or logged",
        "shown_by_whoever_works": "where it is read, nothing of the row's own is used with it",
        "a_feed_of_its_own": "it is written by a thread that hands none of it over",
        "between_two_rows": "no row was handed over with what was read",
        "round_robin": "it goes round, as a place does",
        "a_snapshot": "what it is called says that it is the newest's",
        "config_reloaded": "it is not set anew for each row",
        "the_end_of_a_chain": "it is not set anew for each row",
        "a_session_that_is_renewed": "it is not set anew for each row",
        "a_renewed_credential": "what it is called does not say that it is a row's",
        "a_status_message": "what it is called does not say that it is a row's",
        "progress": "where it is read, nothing of the row's own is used with it",
    }


@pytest.mark.parametrize("program", [one for one in NEWEST if one.name in MEANT_BECAUSE], ids=lambda one: one.name)
def test_why_the_newest_is_in_doubt(folder: Path, program: Program) -> None:
    """What is done from time to time, or for nobody's row, reads the newest on purpose, or may."""
    result, _ = looked_at(folder, program)
    doubts = {found.doubt for found in result.found if found.wrong}
    by_luck = "no row was handed over with what was read"  # where the writer had gone on by then
    assert doubts, shown(result)
    assert doubts <= {MEANT_BECAUSE[program.name], by_luck}, shown(result)
