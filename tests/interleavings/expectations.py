"""What each interleaving leaves behind in each mode: the specification, as one table.

`off` is the defect. In `observe` the trail is the same, and each wrong id is named. In `strict` nothing is recorded
under a wrong id. In `pin` the trail is right, and each wrong value that a worker was spared is told once, where it
would have been read first; without watch, where it would have been used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from tests.interleavings import scenarios
from tests.interleavings.harness import NODE, RUN, Culprit, Filed, Report, Routed, Scenario

STATE: Final = ("state_id",)
ROW: Final = ("row_id", "token_id")
ALL: Final = (*ROW, *STATE)

CALL: Final = "Landscape.record_call"
RESULT: Final = "RowReorderBuffer.complete"
MODES: Final = ("off", "observe", "pin", "strict")


def ids(label: str | None) -> dict[str, str | None]:
    """Return the ids of attempt `label`, as `"A0"`; of None, what a context without a row holds."""
    if label is None:
        return dict.fromkeys(ALL)
    row = label[0]
    return {"run_id": RUN, "node_id": NODE, "row_id": f"row {row}", "token_id": f"token {row}", "state_id": label}


@dataclass(frozen=True)
class Expected:
    """What one run leaves behind.

    Attributes:
        calls: the landscape's calls, in order.
        routed: the results that came out, in order.
        attempts: how each attempt ended, as the landscape says.
        raised: what `record_call` raised in a processor.
        work_raised: what the work function itself raised.
        reports: the mismatches, in order.
    """

    calls: Sequence[Filed] = ()
    routed: Sequence[Routed] = ()
    attempts: Mapping[str, str] = field(default_factory=dict[str, str])
    raised: Mapping[str, str] = field(default_factory=dict[str, str])
    work_raised: Mapping[str, str] = field(default_factory=dict[str, str])
    reports: Sequence[Report] = ()


@dataclass(frozen=True)
class Case:
    """A scenario in one mode, with what is the same in all modes: its submissions, and which of them are stale."""

    name: str
    scenario: Scenario
    mode: str
    watch: bool
    submitted: Sequence[str]
    stale: Sequence[str]
    expected: Expected

    def __str__(self) -> str:
        return f"{self.name}-{self.mode}{'' if self.watch else '-unwatched'}"


def report(
    of: str,
    evidence: str,
    outcome: str,
    fields: Sequence[str],
    saw: str | None,
    *,
    where: str,
    index: int | None = None,
    stale: bool = False,
    torn: bool = False,
    written_in: str = "_submit",
    written_for: str | None = "",
) -> Report:
    """Return the mismatch of submission `of`, whose worker saw, in these fields, the ids of `saw`.

    They were written by the submitting thread in the function `written_in`, for the submission `written_for`: `saw`
    unless it is given.
    """
    observed = {name: ids(saw)[name] for name in fields}
    owner = saw if written_for == "" else written_for
    return Report(
        of=of,
        evidence=evidence,
        outcome=outcome,
        expected={name: ids(of)[name] for name in fields},
        observed=observed,
        stale=stale,
        thread="scripted-worker_0",
        where=where,
        target={"call": CALL, "result": RESULT}.get(evidence, ""),
        index=index,
        culprit=Culprit(
            "MainThread", fields[0], observed[fields[0]], written_in, ids(owner) if owner is not None else None
        ),
        torn=torn,
    )


def delivered(label: str, *, failed: bool = False) -> Routed:
    """Return the result of an attempt that came to its own waiter."""
    return Routed(f"token {label[0]}", label, True, None if failed else label)


DONE: Final = "completed"
LATE: Final = "TimeoutError"
BLOCKED: Final = "HandoffMismatchError"

_cases: list[Case] = []


def _specify_each(
    scenario: Scenario, submitted: str, expected: Mapping[str, Expected], *, stale: str = "", watch: bool = True
) -> None:
    for mode, what in expected.items():
        name = scenario.__name__
        _cases.append(Case(name, scenario, mode, watch, submitted.split(), stale.split(), what))


def _specify(
    scenario: Scenario,
    submitted: str,
    *,
    off: Expected,
    observe: Expected,
    pin: Expected,
    strict: Expected,
    stale: str = "",
    watch: bool = True,
) -> None:
    expected = {"off": off, "observe": observe, "pin": pin, "strict": strict}
    _specify_each(scenario, submitted, expected, stale=stale, watch=watch)


def unwatched(expected: Expected, reports: Sequence[Report] | None = None) -> Expected:
    """Return the same for a run without watch: nobody saw who wrote."""
    given = expected.reports if reports is None else reports
    return replace(expected, reports=[replace(report, culprit=None, torn=False) for report in given])


# a: A's call is recorded under B.

_wrong = Expected(
    calls=[Filed("B0", 0, "A0"), Filed("B0", 1, "B0")],
    routed=[delivered("A0"), delivered("B0")],
    attempts={"A0": DONE, "B0": DONE},
)
_a = {
    "off": _wrong,
    "observe": replace(_wrong, reports=[report("A0", "call", "used", STATE, "B0", where="record_call", index=0)]),
    "pin": replace(
        _wrong,
        calls=[Filed("A0", 0, "A0"), Filed("B0", 0, "B0")],
        reports=[report("A0", "read", "prevented", STATE, "B0", where="record_call")],
    ),
    "strict": Expected(
        calls=[Filed("B0", 1, "B0")],  # the host had allocated index 0 before it was stopped
        routed=[delivered("A0", failed=True), delivered("B0")],
        attempts={"A0": BLOCKED, "B0": DONE},
        raised={"A0": BLOCKED},
        reports=[report("A0", "call", "blocked", STATE, "B0", where="record_call", index=0)],
    ),
}
_specify_each(scenarios.a, "A0 B0", _a)
_specify(
    scenarios.a,
    "A0 B0",
    watch=False,
    off=_a["off"],
    observe=unwatched(_a["observe"]),
    # It is not known whether anything was read: pin tells each place at which the context had moved on.
    pin=unwatched(
        _a["pin"],
        [
            report("A0", "call", "prevented", STATE, "B0", where="record_call", index=0),
            report("A0", "result", "prevented", ALL, "B0", where="_process_and_complete"),
        ],
    ),
    strict=unwatched(_a["strict"]),
)

# a2: the result is emitted as (A's token, B's state); A's waiter times out.

_busy = report("Z0", "end", "exposed", ALL, "B0", where="_process_and_complete")
_wrong = Expected(
    routed=[delivered("Z0"), Routed("token A", "B0", False, "A0"), delivered("B0")],
    attempts={"Z0": DONE, "A0": LATE, "B0": DONE},
)
_specify(
    scenarios.a2,
    "Z0 A0 B0",
    off=_wrong,
    observe=replace(
        _wrong,
        reports=[
            _busy,
            report("A0", "result", "used", STATE, "B0", where="_process_and_complete", torn=True),
        ],
    ),
    pin=Expected(
        routed=[delivered("Z0"), delivered("A0"), delivered("B0")],
        attempts={"Z0": DONE, "A0": DONE, "B0": DONE},
        reports=[report("A0", "read", "prevented", STATE, "B0", where="_process_and_complete")],
    ),
    strict=Expected(
        routed=[delivered("Z0"), delivered("B0")],
        attempts={"Z0": DONE, "A0": LATE, "B0": DONE},
        work_raised={"A0": BLOCKED},
        reports=[
            _busy,
            report("A0", "result", "blocked", STATE, "B0", where="_process_and_complete", torn=True),
        ],
    ),
)

# a, queued: both at once.

_wrong = Expected(
    calls=[Filed("B0", 0, "A0"), Filed("B0", 1, "B0")],
    routed=[delivered("Z0"), Routed("token A", "B0", False, "A0"), delivered("B0")],
    attempts={"Z0": DONE, "A0": LATE, "B0": DONE},
)
_specify(
    scenarios.a_queued,
    "Z0 A0 B0",
    off=_wrong,
    observe=replace(
        _wrong,
        reports=[
            _busy,
            report("A0", "call", "used", STATE, "B0", where="record_call", index=0),
            report("A0", "result", "used", STATE, "B0", where="_process_and_complete", torn=True),
        ],
    ),
    pin=Expected(
        calls=[Filed("A0", 0, "A0"), Filed("B0", 0, "B0")],
        routed=[delivered("Z0"), delivered("A0"), delivered("B0")],
        attempts={"Z0": DONE, "A0": DONE, "B0": DONE},
        reports=[
            report("A0", "read", "prevented", STATE, "B0", where="_process_and_complete"),
        ],
    ),
    strict=Expected(
        calls=[Filed("B0", 1, "B0")],
        routed=[delivered("Z0"), delivered("B0")],
        attempts={"Z0": DONE, "A0": LATE, "B0": DONE},
        raised={"A0": BLOCKED},
        work_raised={"A0": BLOCKED},
        reports=[
            _busy,
            report("A0", "call", "blocked", STATE, "B0", where="record_call", index=0),
            report("A0", "result", "blocked", STATE, "B0", where="_process_and_complete", torn=True),
        ],
    ),
)

# b1: attempt 0's call is recorded under attempt 1; token and row are right.

_wrong = Expected(
    calls=[Filed("A1", 0, "A0"), Filed("A1", 1, "A1")],
    routed=[delivered("A1")],
    attempts={"A0": LATE, "A1": DONE},
)
_specify(
    scenarios.b1,
    "A0 A1",
    stale="A0",
    off=_wrong,
    observe=replace(
        _wrong, reports=[report("A0", "call", "used", STATE, "A1", where="record_call", index=0, stale=True)]
    ),
    pin=replace(
        _wrong,
        calls=[Filed("A0", 0, "A0"), Filed("A1", 0, "A1")],
        reports=[report("A0", "read", "prevented", STATE, "A1", where="record_call", stale=True)],
    ),
    strict=replace(
        _wrong,
        calls=[Filed("A1", 1, "A1")],
        raised={"A0": BLOCKED},
        reports=[report("A0", "call", "blocked", STATE, "A1", where="record_call", index=0, stale=True)],
    ),
)

# b2: A's call is recorded under B; state and token moved together.

_wrong = Expected(
    calls=[Filed("B0", 0, "A0"), Filed("B0", 1, "B0")],
    routed=[delivered("B0")],
    attempts={"A0": LATE, "B0": DONE},
)
_b2 = {
    "off": _wrong,
    "observe": replace(
        _wrong,
        reports=[report("A0", "call", "used", STATE, "B0", where="record_call", index=0, stale=True)],
    ),
    "pin": replace(
        _wrong,
        calls=[Filed("A0", 0, "A0"), Filed("B0", 0, "B0")],
        reports=[report("A0", "read", "prevented", STATE, "B0", where="record_call", stale=True)],
    ),
    "strict": replace(
        _wrong,
        calls=[Filed("B0", 1, "B0")],
        raised={"A0": BLOCKED},
        reports=[report("A0", "call", "blocked", STATE, "B0", where="record_call", index=0, stale=True)],
    ),
}
_specify_each(scenarios.b2, "A0 B0", _b2, stale="A0")
_specify(
    scenarios.b2,
    "A0 B0",
    stale="A0",
    watch=False,
    off=_b2["off"],
    observe=unwatched(_b2["observe"]),
    pin=unwatched(
        _b2["pin"],
        [
            report("A0", "call", "prevented", STATE, "B0", where="record_call", index=0, stale=True),
            # The ticket is gone: the host refuses the result, so there is no use that pin could have prevented.
        ],
    ),
    strict=unwatched(_b2["strict"]),
)

# b3: no row is current: the host refuses the call, which is lost.

_lost = Expected(attempts={"A0": LATE}, raised={"A0": "RuntimeError"})
_none_read = [
    report("A0", "read", "used", STATE, None, where="record_call", stale=True, written_in="b3"),
]
_specify(
    scenarios.b3,
    "A0",
    stale="A0",
    off=_lost,
    observe=replace(_lost, reports=_none_read),
    pin=Expected(
        calls=[Filed("A0", 0, "A0")],
        attempts={"A0": LATE},
        reports=[report("A0", "read", "prevented", STATE, None, where="record_call", stale=True, written_in="b3")],
    ),
    strict=replace(_lost, reports=_none_read),
)

# b5: attempt 1's call is recorded under attempt 2, or under the next row, whose other ids are wrong then, too.


def _b5(scenario: Scenario, other: str, moved: Sequence[str], *, torn: bool) -> None:
    refused = report("A1", "result", "exposed", STATE, other, where="_process_and_complete", stale=True, torn=torn)
    moved_on = report("A0", "end", "exposed", moved, other, where="_process_and_complete", stale=True)
    used = report("A1", "call", "used", STATE, other, where="record_under", index=0, stale=True)
    wrong = Expected(
        calls=[Filed("A0", 0, "A0"), Filed(other, 0, "A1"), Filed(other, 1, other)],
        routed=[delivered(other)],
        attempts={"A0": LATE, "A1": LATE, other: DONE},
    )
    each = {
        "off": wrong,
        "observe": replace(wrong, reports=[moved_on, used, refused]),
        "pin": replace(
            wrong,
            calls=[Filed("A0", 0, "A0"), Filed("A1", 0, "A1"), Filed(other, 0, other)],
            reports=[report("A1", "read", "prevented", STATE, other, where="_process_and_complete", stale=True)],
        ),
        "strict": replace(
            wrong,
            calls=[Filed("A0", 0, "A0"), Filed(other, 1, other)],
            raised={"A1": BLOCKED},
            work_raised={"A1": BLOCKED},
            reports=[moved_on, replace(used, outcome="blocked"), replace(refused, outcome="blocked")],
        ),
    }
    submitted = f"A0 A1 {other}"
    _specify_each(scenario, submitted, each, stale="A0 A1")
    spared = [
        report(late, "call", "prevented", STATE, other, where="record_under", index=0, stale=True)
        for late in ("A0", "A1")
    ]
    _specify(
        scenario,
        submitted,
        stale="A0 A1",
        watch=False,
        off=each["off"],
        observe=unwatched(each["observe"]),
        pin=unwatched(each["pin"], spared),
        strict=unwatched(each["strict"]),
    )


_b5(scenarios.b5_next_attempt, "A2", STATE, torn=False)
_b5(scenarios.b5_next_row, "B0", ALL, torn=True)

# c: A's call is recorded under B, of which nothing is left to see when the work ends.

_wrong = Expected(calls=[Filed("B0", 0, "A0")], routed=[delivered("A0")], attempts={"A0": DONE, "B0": "running"})
_between_spared = report(
    "A0", "read", "prevented", STATE, "B0", where="record_call", written_in="there_and_back", written_for=None
)
_between = report(
    "A0", "call", "used", STATE, "B0", where="record_call", index=0, written_in="there_and_back", written_for=None
)
_specify(
    scenarios.c,
    "A0",
    off=_wrong,
    observe=replace(_wrong, reports=[_between]),
    pin=replace(_wrong, calls=[Filed("A0", 0, "A0")], reports=[_between_spared]),
    strict=Expected(
        routed=[delivered("A0", failed=True)],
        attempts={"A0": BLOCKED, "B0": "running"},
        raised={"A0": BLOCKED},
        reports=[replace(_between, outcome="blocked")],
    ),
)

# d: A's call takes an index of A and is inserted under B, where it takes the place of B's own.

_wrong = Expected(
    calls=[Filed("B0", 0, "A0")],
    routed=[delivered("A0"), delivered("B0", failed=True)],
    attempts={"A0": DONE, "B0": "IntegrityError"},
    raised={"B0": "IntegrityError"},
)
_torn = report("A0", "call", "used", STATE, "B0", where="record_call", index=0, torn=True)
_specify(
    scenarios.d,
    "A0 B0",
    off=_wrong,
    observe=replace(_wrong, reports=[_torn]),
    pin=Expected(
        calls=[Filed("A0", 0, "A0"), Filed("B0", 0, "B0")],
        routed=[delivered("A0"), delivered("B0")],
        attempts={"A0": DONE, "B0": DONE},
        reports=[report("A0", "read", "prevented", STATE, "B0", where="record_call")],
    ),
    strict=Expected(
        calls=[Filed("B0", 0, "B0")],
        routed=[delivered("A0", failed=True), delivered("B0")],
        attempts={"A0": BLOCKED, "B0": DONE},
        raised={"A0": BLOCKED},
        reports=[replace(_torn, outcome="blocked")],
    ),
)

# e: A's call stands under A's state, by luck, and names B's token.

_wrong = Expected(
    calls=[Filed("A0", 0, "A0", token="token B"), Filed("B0", 0, "B0")],
    routed=[delivered("A0"), delivered("B0")],
    attempts={"A0": DONE, "B0": DONE},
)
_token_read = report("A0", "read", "used", ROW, "B0", where="reads_between", written_in="writes_apart")
_specify(
    scenarios.e,
    "A0 B0",
    off=_wrong,
    observe=replace(_wrong, reports=[_token_read]),
    pin=replace(
        _wrong,
        calls=[Filed("A0", 0, "A0", token="token A"), Filed("B0", 0, "B0")],
        reports=[replace(_token_read, outcome="prevented")],
    ),
    strict=replace(_wrong, reports=[_token_read]),
)

CASES: Final[Sequence[Case]] = tuple(_cases)

# Nothing is wrong: nothing is said, in no mode.

_cases = []
_specify_each(
    scenarios.one_after_the_other,
    "A0 B0 C0",
    dict.fromkeys(
        MODES,
        Expected(
            calls=[Filed("A0", 0, "A0"), Filed("B0", 0, "B0"), Filed("C0", 0, "C0")],
            routed=[delivered("A0"), delivered("B0"), delivered("C0")],
            attempts={"A0": DONE, "B0": DONE, "C0": DONE},
        ),
    ),
)
_specify_each(
    scenarios.slow_to_return,
    "A0 B0",
    dict.fromkeys(
        MODES,
        Expected(
            calls=[Filed("A0", 0, "A0"), Filed("B0", 0, "B0")],
            routed=[delivered("A0"), delivered("B0")],
            attempts={"A0": DONE, "B0": DONE},
        ),
    ),
)
for _scenario in (scenarios.equal_token, scenarios.same_ids):
    _specify_each(
        _scenario,
        "A0",
        dict.fromkeys(
            MODES,
            Expected(calls=[Filed("A0", 0, "A0", token="token A")], routed=[delivered("A0")], attempts={"A0": DONE}),
        ),
    )
_own = Expected(calls=[Filed("A0", 0, "A0")], routed=[delivered("A0")], attempts={"A0": DONE})
_specify_each(scenarios.own_write, "A0", dict.fromkeys(MODES, _own))

CLEAN_CASES: Final[Sequence[Case]] = (
    *_cases,
    # Without watch nobody saw that the worker's own write was its own.
    *(replace(case, watch=False) for case in _cases if case.mode != "off" and case.scenario is not scenarios.own_write),
)
