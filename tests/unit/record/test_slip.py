"""The slip: what it tells arrives, whatever the ids are; and whatever arrives, nothing is raised over it."""

from __future__ import annotations

import json
import uuid
from datetime import date, datetime, timezone
from enum import Enum
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from otel_handoff.host.ids import AnyOf, same
from otel_handoff.record import slip
from otel_handoff.record.hashing import Hash
from otel_handoff.record.locations import Place
from otel_handoff.record.mismatch import Write
from otel_handoff.record.submission import HashedSubmission, Submission

SPAN = SpanContext(0xABC, 0xDEF, False, TraceFlags(1))
PARENT = trace.set_span_in_context(NonRecordingSpan(SPAN), Context())


class Colour(Enum):
    """An id of its own class."""

    RED = "red"


def submission(ids: dict[str, object], key: str | None = None, number: int = 7) -> Submission:
    place = ((Place("shop/orders.py:12 in enqueue", is_host=True), 0),)
    rest: tuple[Any, ...] = (MappingProxyType(ids), "MainThread", 1_700_000_000_000_000_000, place, PARENT)
    return Submission(number, "orders", *rest) if key is None else HashedSubmission(Hash(key), number, "orders", *rest)


def told(text: object) -> tuple[slip.Slip | None, list[str]]:
    why: list[str] = []
    return slip.read(text, why.append), why


def sent(**given: Any) -> slip.Slip:
    text = slip.write(submission(**given))
    found, why = told(text)
    assert found is not None, why
    return found


def test_what_is_told_arrives() -> None:
    """All of it, in some 250 characters."""
    text = slip.write(submission({"row": "r1"})) or ""
    assert len(text) < 260
    found, why = told(text)
    assert found is not None
    assert why == []
    assert (found.boundary, found.number, found.thread_name) == ("orders", 7, "MainThread")
    assert (found.process, found.time_unix_nano) == (slip.this_process(), 1_700_000_000_000_000_000)
    assert (dict(found.ids), found.place, found.culprits) == ({"row": "r1"}, "shop/orders.py:12 in enqueue", ())
    span = trace.get_current_span(found.context).get_span_context()
    assert (span.trace_id, span.span_id, span.trace_flags, span.is_remote) == (0xABC, 0xDEF, 1, True)


IDS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.uuids(), st.decimals(),
    st.dates(), st.datetimes(timezones=st.just(timezone.utc)), st.sampled_from(Colour),
    st.text(min_size=1_025, max_size=1_100),
)  # fmt: skip


@given(IDS)
@example("\ud800")
@example("x" * 100_000)
@example(float("nan"))
def test_an_id_is_the_same_there(value: object) -> None:
    """Whatever it is: by its value, its text, or its hash."""
    found = sent(ids={"row": value})
    ids = slip.ids_of(found, None)
    if not (isinstance(value, str) and not slip._is_text(value)):  # pyright: ignore[reportPrivateUsage]
        assert same(ids["row"], value)
    assert not same(ids["row"], "another")


@given(st.one_of(st.text(), st.integers(), st.uuids(), st.dates()), st.sampled_from(["", "a key"]))
def test_a_hash_is_compared_as_one(value: object, key: str) -> None:
    """Plain ids do not leave, and are compared all the same."""
    text = slip.write(submission({"row": value}, key)) or ""
    if len(str(value)) > 3:
        assert str(value) not in json.loads(text)["ids"]["row"]
    found = told(text)[0]
    assert found is not None
    ids = slip.ids_of(found, Hash(key))
    assert same(ids["row"], value)
    assert same(ids["row"], str(value))
    assert not same(ids["row"], "another")


def test_what_came_as_a_hash_is_not_hashed_again() -> None:
    """Its row has the same attribute there, by which it is found; and so has each of several."""
    there = submission({"row": "r1", "part": "p1"}, "a key")
    came = slip.ids_of(sent(ids=dict(there.ids), key="a key"), Hash("a key"))
    assert submission(came, "a key").attributes == there.attributes
    assert dict(submission(came, "a key").exported().ids) == {
        name.partition(".")[2]: each for name, each in there.attributes.items()
    }
    either = AnyOf([came["row"], "r2"])
    assert (
        submission({"row": either}, "a key").attributes == submission({"row": AnyOf(["r1", "r2"])}, "a key").attributes
    )


def test_a_field_that_is_not_known_is_left_out() -> None:
    """There null is an id: that of a row that has none."""
    text = slip.write(submission({"row": None, "part": None}), unresolved=["part"])
    found = told(text)[0]
    assert found is not None
    assert dict(found.ids) == {"row": None}


def test_a_uuid_is_known_by_its_hash_in_other_spellings() -> None:
    """Its text is what was hashed."""
    row = uuid.UUID(int=2**100)
    ids = slip.ids_of(sent(ids={"row": row}, key=""), Hash())
    assert same(ids["row"], row.hex)
    assert same(ids["row"], str(row).upper().lower())
    assert not same(ids["row"], uuid.UUID(int=1).hex)


def test_hashes_of_another_key_are_not_compared() -> None:
    """They are equal to nothing: it would be an alarm for each row."""
    found = sent(ids={"row": "r1", "none": None}, key="one key")
    assert slip.ids_of(found, Hash("another")) == {"none": None}
    assert slip.ids_of(found, None) == {"none": None}


def test_the_culprits_go_along() -> None:
    """For each field, with what it was made for."""
    mine, other = submission({"row": "r1"}), submission({"row": "r2"}, number=8)
    write = Write("row", "r2", "MainThread", 5, other, ((Place("shop/orders.py:9 in main", is_host=True), 0),))
    second = Write("line", 2, "MainThread", 6, other, ())
    found = told(slip.write(mine, [write, second]))[0]
    assert found is not None
    there = found.write_of("row", "r2")
    assert there is not None
    assert (there.field, there.value, there.location) == ("row", "r2", "shop/orders.py:9 in main")
    assert there.submission is not None
    assert (there.submission.number, dict(there.submission.ids)) == (8, {"row": "r2"})
    assert found.write_of("other", "r2") is found.write_of("row", "r3") is None
    assert (line := found.write_of("line", 2)) is not None
    assert line.time_unix_nano == 6


def test_what_would_be_too_long_is_not_written() -> None:
    """The culprits are left out first; a row with a hundred ids has none."""
    many = {f"field{number}": "x" * 120 for number in range(50)}
    write = Write("field1", "y", "MainThread", 5, submission(dict(many)), ())
    found = told(slip.write(submission(dict(many)), [write]))[0]
    assert found is not None
    assert found.culprits == ()
    assert slip.write(submission({f"field{number}": "x" * 1000 for number in range(60)})) is None
    assert slip.write(submission({"row": 10**5_000})) is None
    assert slip.write(submission({f"f{number}": 1 for number in range(65)})) is None


VALID = slip.write(submission({"row": "r1"})) or ""
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)),
    max_leaves=10,
)


class Evil:
    """Nobody is to look at it."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(name)


@given(st.one_of(st.text(), st.binary(), st.none(), st.integers(), JSON, JSON.map(json.dumps)))
@example("[" * 8_000)
@example("9" * 8_000)
@example('{"version":NaN}')
@example("x" * 10_000_000)
def test_nothing_is_raised_over_anything(text: object) -> None:
    """It is no slip, and that is said once."""
    found, why = told(text)
    assert found is None
    assert len(why) == 1


def test_nothing_is_asked_of_what_is_no_text() -> None:
    """It may be anything, and is not looked at."""
    found, why = told(Evil())
    assert found is None
    assert len(why) == 1


@given(st.integers(0, len(VALID) - 1))
def test_one_that_is_cut_off_is_none(length: int) -> None:
    """Wherever."""
    assert told(VALID[:length]) == (None, ["it is no JSON"])


@given(st.sampled_from([*json.loads(VALID), "hashed", "key", "tracestate", "culprits"]), JSON)
def test_one_that_is_forged_is_none_or_a_slip(name: str, value: Any) -> None:
    """Of which all parts are what they should be."""
    found, why = told(json.dumps({**json.loads(VALID), name: value}))
    assert (found is None) == (len(why) == 1)
    if found is not None:
        ids = slip.ids_of(found, Hash())
        assert all(isinstance(each, (str, bool, int, float, type(None))) for each in ids.values())
        assert found.boundary.isprintable()
        assert found.process.isprintable()
        assert type(found.number) is int
        assert found.context is not None
        found.write_of("row", "x")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"version": 2}, "it is of a later version"),
        ({"version": True}, "it has no version"),
        ({"number": 0}, "number is not as it should be"),
        ({"number": 2**70}, "number is not as it should be"),
        ({"ids": {"row": ["r1"]}}, "ids is not as it should be"),
        ({"ids": {str(n): 1 for n in range(65)}}, "ids is not as it should be"),
        ({"boundary": "o\x1b[31m"}, "boundary is not as it should be"),
        ({"traceparent": "00-x"}, "traceparent is not as it should be"),
        ({"hashed": ["nothing"]}, "hashed is not as it should be"),
        ({"culprits": [{"field": "row"}]}, "culprits is not as it should be"),
        ({"culprits": {"field": "row"}}, "culprits is not as it should be"),
        ({"culprits": [None] * 9}, "culprits is not as it should be"),
        ({"place": "x" * 300}, "place is not as it should be"),
    ],
)
def test_why_it_is_none(change: dict[str, Any], why: str) -> None:
    """In a few words."""
    found, said = told(json.dumps({**json.loads(VALID), **change}))
    assert found is None
    assert said == [why] or change.get("culprits")


def test_what_a_later_sender_of_this_version_adds_is_left_aside() -> None:
    """What is not known cannot be compared."""
    assert told(json.dumps({**json.loads(VALID), "more": {"of": "it"}}))[0] is not None


def test_dates_are_known_again() -> None:
    """As JSON has them."""
    assert same(slip.ids_of(sent(ids={"day": date(2026, 1, 2)}), None)["day"], date(2026, 1, 2))
    at = datetime(2026, 1, 2, 3, 4, tzinfo=timezone.utc)
    assert same(slip.ids_of(sent(ids={"at": at}), None)["at"], at.isoformat())
