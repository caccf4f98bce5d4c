"""Work that is a generator, or an asynchronous one, is the row's in each step; who iterates it is nobody's."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

import pytest

from otel_handoff import HandoffInstrumentor, HandoffMismatchError
from otel_handoff.handover.lease import active
from tests.hazards.async_host import AsyncSteps, Steps, whose
from tests.hazards.conftest import Instrument
from tests.hazards.one_row import MODES, Desk, declare
from tests.hazards.rows import told
from tests.hosts import Ledger
from tests.telemetry import Telemetry

IN_EACH_MODE = pytest.mark.parametrize("mode", MODES)
NOTHING_IN_FLIGHT = {(("handoff.boundary", "desk"),): 0}


def parts(log: list[Any] | None = None) -> Callable[[Any], Generator[Any, Any, Any]]:
    """Return work in three parts, which files the order in the second."""

    def body(ctx: Any) -> Generator[Any, Any, Any]:
        try:
            try:
                yield whose()
                Ledger().post(ctx.order_id, "entry")
                given = yield whose()
                yield whose(), given
            except KeyError as error:
                yield whose(), error.args[0]
        finally:
            if log is not None:
                log.append(whose())
        return "returned"

    return body


async def async_parts(ctx: Any) -> AsyncGenerator[Any, Any]:
    """The same in two, waiting in between."""
    await asyncio.sleep(0)
    yield whose()
    await asyncio.sleep(0)
    Ledger().post(ctx.order_id, "entry")
    yield whose()


def ends(telemetry: Telemetry) -> int:
    """Return how many rows have ended; none is in flight."""
    gc.collect()
    assert telemetry.points("handoff.in_flight") == NOTHING_IN_FLIGHT
    assert active.get() is None
    HandoffInstrumentor().uninstrument()
    return len(telemetry.spans("process desk"))


@IN_EACH_MODE
def test_it_is_iterated(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Its wrong record is found, refused or prevented; its consumer is nobody's."""
    instrument(mode, boundaries=[declare(Steps)])
    ctx = Desk("A")
    made = Steps().submit(ctx, parts())
    ctx.order_id = "B"
    assert (next(made), whose(), telemetry.points("handoff.in_flight")) == (
        "A",
        None,
        {(("handoff.boundary", "desk"),): 1},
    )
    if mode == "strict":
        with pytest.raises(HandoffMismatchError):
            next(made)
    else:
        assert (next(made), whose()) == ("A", None)
        assert made.send("sent") == ("A", "sent")
        with pytest.raises(StopIteration) as stopped:
            next(made)
        assert stopped.value.value == "returned"
    outcome = {"observe": ("call", "used"), "strict": ("call", "blocked"), "pin": ("read", "prevented")}[mode]
    assert told(telemetry) == [("A", *outcome, {"order_id": "B"})]
    assert ends(telemetry) == 1
    assert telemetry.unchecked() == {}


def test_two_at_a_time(instrument: Instrument, telemetry: Telemetry) -> None:
    """Each has its own row, whoever is iterated first."""
    instrument("pin", boundaries=[declare(Steps)])
    ctx, host = Desk("A"), Steps()
    first = host.submit(ctx, parts())
    ctx.order_id = "B"
    second = host.submit(ctx, parts())
    assert [next(second), next(first), next(second), next(first), next(first)] == ["B", "A", "B", "A", ("A", None)]
    second.close()
    first.close()
    assert ends(telemetry) == 2


@pytest.mark.parametrize("how", ["close", "drop", "throw"])
@pytest.mark.parametrize("begun", [True, False])
def test_it_is_left(how: str, begun: bool, instrument: Instrument, telemetry: Telemetry) -> None:
    """Half-way its clean-up is the row's; before it has begun there is none, and the row was not worked on."""
    instrument("observe", boundaries=[declare(Steps, calls=[])])
    log: list[Any] = []
    made = Steps().submit(Desk("A"), parts(log))
    if begun:
        assert next(made) == "A"
    if how == "close":
        made.close()
    elif how == "throw":
        with pytest.raises(LookupError):
            made.throw(LookupError("host"))
    del made
    assert ends(telemetry) == begun
    assert log == ["A"] * begun
    assert telemetry.unchecked() == ({} if begun else {"no_worker": 1})


def test_it_is_thrown_at(instrument: Instrument, telemetry: Telemetry) -> None:
    """What it makes of that is the row's, and it goes on."""
    instrument("observe", boundaries=[declare(Steps, calls=[])])
    made = Steps().submit(Desk("A"), parts())
    next(made)
    assert made.throw(KeyError("host")) == ("A", "host")
    assert list(made) == []
    assert ends(telemetry) == 1


@pytest.mark.parametrize("then", ["row", "end"])
def test_what_a_dropped_one_has_read_is_told(then: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """With the next row, or in the end: a finalizer is no place to tell it. Its span ends when it was dropped."""
    instrument("observe", boundaries=[declare(Steps, calls=[])])

    def body(ctx: Any) -> Generator[Any]:
        while True:
            yield ctx.order_id

    ctx, host = Desk("A"), Steps()
    made = host.submit(ctx, body)
    ctx.order_id = "B"
    for one in made:
        assert one == "B"
        break
    del made
    assert told(telemetry) == []
    if then == "row":
        host.submit(ctx, body)
    else:
        HandoffInstrumentor().uninstrument()
    assert told(telemetry) == [("A", "read", "used", {"order_id": "B"})]
    span: Any
    [span] = telemetry.spans("process desk")
    assert span.end_time < telemetry.mismatches[0].submission.time_unix_nano + 20 * 10**9


def test_a_context_that_goes_on_after_it_was_dropped(instrument: Instrument, telemetry: Telemetry) -> None:
    """It is not blamed for what came when it had ended."""
    instrument("observe", boundaries=[declare(Steps, calls=[])])
    ctx = Desk("A")
    made = Steps().submit(ctx, parts())
    next(made)
    del made
    ctx.order_id = "B"
    assert ends(telemetry) == 1
    assert told(telemetry) == []


def test_its_calls_and_spans(instrument: Instrument, telemetry: Telemetry) -> None:
    """A span that it keeps open over a step is current in its next, and not in its consumer."""
    instrument("observe", boundaries=[declare(Steps)])
    tracer = telemetry.tracer_provider.get_tracer("host")

    def body(ctx: Any) -> Generator[Any]:
        with tracer.start_as_current_span("outer"):
            yield
            Ledger().post(ctx.order_id, "entry")

    for _ in Steps().submit(Desk("A"), body):
        tracer.start_span("consumer").end()
    by_name: dict[str, Any] = {span.name: span for span in telemetry.spans()}
    assert by_name["consumer"].parent is None
    assert by_name["Ledger.post"].parent.span_id == by_name["outer"].context.span_id
    assert by_name["outer"].parent.span_id == by_name["process desk"].context.span_id


@IN_EACH_MODE
def test_an_asynchronous_one(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """The same."""
    instrument(mode, boundaries=[declare(AsyncSteps)])
    seen: list[Any] = []

    async def main() -> None:
        ctx = Desk("A")
        made = AsyncSteps().submit(ctx, async_parts)
        ctx.order_id = "B"
        async for one in made:
            seen.append((one, whose()))  # noqa: PERF401  also where it raises then

    if mode == "strict":
        with pytest.raises(HandoffMismatchError):
            asyncio.run(main())
    else:
        asyncio.run(main())
    assert seen == [("A", None)] * (1 if mode == "strict" else 2)
    outcome = {"observe": ("call", "used"), "strict": ("call", "blocked"), "pin": ("read", "prevented")}[mode]
    assert told(telemetry) == [("A", *outcome, {"order_id": "B"})]
    assert ends(telemetry) == 1
    assert telemetry.unchecked() == {}


class Alone:
    """Its work has no other generator within it, which the loop would close beside it."""

    def submit(self, ctx: Any, log: list[Any]) -> Any:
        """Submit function."""
        return self.work(ctx, log)

    async def work(self, ctx: Any, log: list[Any]) -> AsyncGenerator[Any, Any]:
        """Work function."""
        try:
            yield whose()
            yield whose()
        finally:
            await asyncio.sleep(0)
            log.append(whose())


@pytest.mark.parametrize("how", ["aclose", "athrow", "break", "left open"])
def test_an_asynchronous_one_is_left(how: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Its clean-up waits, and is the row's: closed, thrown at, broken off, or finalised by its loop."""
    instrument("observe", boundaries=[declare(Alone, calls=[])])
    log: list[Any] = []
    kept: list[Any] = []

    async def main() -> None:
        made = Alone().submit(Desk("A"), log)
        async for one in made:
            assert one == "A"
            break
        if how == "aclose":
            await made.aclose()
        elif how == "athrow":
            with pytest.raises(LookupError):
                await made.athrow(LookupError("host"))
        elif how == "left open":
            kept.append(made)
        del made
        gc.collect()
        for _ in range(4):
            await asyncio.sleep(0)
        assert log == (["A"] if how != "left open" else [])

    asyncio.run(main())
    kept.clear()
    assert log == ["A"]
    assert ends(telemetry) == 1
    assert telemetry.unchecked() == {}


def test_the_hooks_of_the_loop(instrument: Instrument) -> None:
    """They are asked once for each, and are what they were afterwards."""
    instrument("observe", boundaries=[declare(AsyncSteps, calls=[])])
    first: list[Any] = []

    async def main() -> None:
        hooks = sys.get_asyncgen_hooks()

        def begun(one: Any) -> None:
            first.append(one.__qualname__)
            assert hooks.firstiter is not None
            hooks.firstiter(one)

        sys.set_asyncgen_hooks(begun, hooks.finalizer)
        made = AsyncSteps().submit(Desk("A"), async_parts)
        async for _ in made:
            assert sys.get_asyncgen_hooks().firstiter is begun

    asyncio.run(main())
    assert first == ["AsyncSteps.work", "async_parts"]
