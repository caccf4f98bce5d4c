"""`work` alone is enough: however it is handed over, its rows are found, and cured."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from otel_handoff import HandoffInstrumentor
from otel_handoff.handover.calling import is_plain, is_plain_at_a_glance
from tests.hosts import Context
from tests.telemetry import Telemetry, needs_sdk
from tests.unit.handover import ways
from tests.unit.handover.ways import BOOKS, DIRECT, ENCLOSING, IMPOSSIBLE, ROWS, WAYS, boundary, rows

FORMS = {**DIRECT, **ENCLOSING}
IN_ALL = ("function", "partial", "bound method", "lambda")
"""Each way has these; and two ways have each form."""
TABLE = [
    (way, form)
    for way in WAYS
    for form in FORMS
    if (form in IN_ALL or way in ("executor.submit", "Thread")) and (way, form) not in IMPOSSIBLE
]


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    """Errors of a blocked row end in a thread or a callback: that is said nowhere here."""

    def quiet(_: object) -> None:
        pass

    hook, threading.excepthook = threading.excepthook, quiet
    logging.getLogger("concurrent.futures").setLevel(logging.CRITICAL + 1)
    yield
    threading.excepthook = hook
    logging.getLogger("concurrent.futures").setLevel(logging.NOTSET)
    if HandoffInstrumentor().is_instrumented_by_opentelemetry:
        HandoffInstrumentor().uninstrument()


def instrument(telemetry: Telemetry, name: str, mode: str, **options: Any) -> None:
    """Turn it on."""
    HandoffInstrumentor().instrument(mode=mode, boundaries=[boundary(name, **options)], **telemetry.options)


def filed() -> list[tuple[str, str | None]]:
    """Whose row was filed under which id."""
    return sorted(entry[:2] for entry in BOOKS.filed)


def told(telemetry: Telemetry) -> list[tuple[Any, ...]]:
    """What was reported: of which row, how it is known, what came of it, and which thread wrote the wrong id."""
    return sorted(
        (
            m.submission.ids["order_id"],
            m.evidence,
            m.outcome,
            m.observed["order_id"],
            m.culprit and m.culprit.thread_name,
        )
        for m in telemetry.mismatches
    )


EXPECTED = {
    "observe": ([("A", "C"), ("B", "C"), ("C", "C")], ("call", "used")),
    "pin": ([("A", "A"), ("B", "B"), ("C", "C")], ("read", "prevented")),
    "strict": ([("C", "C")], ("call", "blocked")),
}


CASES = [
    (way, form, mode)
    for way, form in TABLE
    for mode in EXPECTED
    # What strict refuses is what observe tells of: each way, and each form, is refused once.
    if mode != "strict" or form == "function" or way == "executor.submit"
]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # what strict raises there
@pytest.mark.parametrize(("way", "form", "mode"), CASES)
def test_rows_on_one_context(way: str, form: str, mode: str, telemetry: Telemetry) -> None:
    """Each wrong row is found with its culprit and in its trace, or none is wrong; and nothing else is told."""
    needs_sdk()
    name, made = FORMS[form]
    instrument(telemetry, name, mode)
    traces = rows(way, made, telemetry.tracer_provider.get_tracer("host"), Context())
    right, (evidence, outcome) = EXPECTED[mode]
    assert filed() == right
    assert told(telemetry) == [(row, evidence, outcome, "C", "MainThread") for row in "AB"]
    assert [trace_id for _, _, trace_id in sorted(BOOKS.filed)] == [traces[row] for row, _ in right]
    HandoffInstrumentor().uninstrument()
    assert telemetry.unchecked() == {}
    assert telemetry.counted("handoff.submissions") == {("alone",): len(ROWS)}


@pytest.mark.parametrize(("way", "form"), TABLE)
def test_rows_on_their_own_contexts(way: str, form: str, telemetry: Telemetry) -> None:
    """Nothing is told."""
    needs_sdk()
    name, made = FORMS[form]
    instrument(telemetry, name, "observe")
    rows(way, made, telemetry.tracer_provider.get_tracer("host"))
    assert filed() == [(row, row) for row in ROWS]
    HandoffInstrumentor().uninstrument()
    assert (told(telemetry), telemetry.unchecked()) == ([], {})
    assert telemetry.counted("handoff.submissions") == {("alone",): len(ROWS)}


@pytest.mark.parametrize(("way", "form"), TABLE)
def test_without_instrumentation(way: str, form: str, telemetry: Telemetry) -> None:
    """The control of the first: as it is, rows A and B are wrong."""
    rows(way, FORMS[form][1], telemetry.tracer_provider.get_tracer("host"), Context())
    assert filed() == [("A", "C"), ("B", "C"), ("C", "C")]


@pytest.mark.parametrize("of", ["function", "method"])
def test_what_is_seen_at_a_glance_of_one_closure_is_not_said_of_another(of: str, telemetry: Telemetry) -> None:
    """They have the same code, and one holds a work function."""

    def calling(function: Any) -> Any:
        return lambda: function()

    instrument(telemetry, "work" if of == "function" else "Shop.bill", "observe")
    plain: Any = filed if of == "function" else ways.Shop().safely
    works: Any = ways.work if of == "function" else ways.Shop().bill
    for _ in range(2):
        assert is_plain(calling(plain), ())
    assert is_plain_at_a_glance(calling(plain), ())
    for held in (works, works.__wrapped__):  # which is what was looked up before it was wrapped
        assert not is_plain_at_a_glance(calling(held), ())
        assert not is_plain(calling(held), ())
