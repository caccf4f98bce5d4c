"""Work that is a coroutine is the row's in each of its steps, and nobody's else, until it ends."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import sys
import threading
import warnings
from typing import Any

import pytest
from opentelemetry import context as context_api
from opentelemetry import trace

from otel_handoff import HandoffInstrumentor, HandoffMismatchError, current_submission
from otel_handoff.handover.lease import active
from tests.hazards.async_host import AsyncTasks, Plain, Queued, Tasks, filing, rows, whose
from tests.hazards.conftest import Instrument
from tests.hazards.one_row import MODES, Desk, declare
from tests.hazards.rows import told
from tests.hosts import WAIT, Ledger
from tests.telemetry import Telemetry, needs_sdk

IN_EACH_MODE = pytest.mark.parametrize("mode", MODES)
HOSTS = pytest.mark.parametrize("host", [Tasks, AsyncTasks, Queued, Plain])
NOTHING_IN_FLIGHT = {(("handoff.boundary", "desk"),): 0}


def lingering() -> Any:
    """What the thread or task carries of a row."""
    return active.get(), current_submission(), dict(context_api.get_current())


NOTHING: Any = (None, None, {})


@IN_EACH_MODE
@HOSTS
def test_each_wrong_record_is_found(host: Any, mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Its wrong record is told as a call, or not made, or right; no other is told, and nothing is left."""
    instrument(mode, boundaries=[declare(host)])
    if host is Queued and mode != "pin":
        names: Any = [Desk("A"), Desk("B")]  # one context cannot be told from itself
    else:
        names = None

    async def main() -> list[Any]:
        if names is None:
            return await rows(host(), filing)
        made = host()
        handed = [made.submit(ctx, filing) for ctx in names]
        names[0].order_id = "B"
        return await asyncio.gather(*handed, return_exceptions=True)

    first, second = asyncio.run(main())
    if mode == "strict":
        assert isinstance(first, HandoffMismatchError)
    else:
        assert first == "A"
    assert second == "B"
    outcome = {"observe": ("call", "used"), "strict": ("call", "blocked"), "pin": ("read", "prevented")}[mode]
    # Only the submit function of a coroutine is awaited in between, so that its task has gone on by then.
    assert told(telemetry) == [("A", *outcome, {"order_id": "B"})]
    assert telemetry.mismatches[0].culprit is not None
    assert telemetry.unchecked() == {}
    assert telemetry.points("handoff.in_flight") == NOTHING_IN_FLIGHT
    assert lingering() == NOTHING


@HOSTS
def test_its_span_lasts_as_long_as_it_does(host: Any, instrument: Instrument, telemetry: Telemetry) -> None:
    """Its calls, and spans of the host's own, are below it, also where they are kept open over an await."""
    instrument(boundaries=[declare(host)])
    tracer = telemetry.tracer_provider.get_tracer("host")
    order: list[str] = []

    async def body(_ctx: Any) -> None:
        with tracer.start_as_current_span("outer"):
            await asyncio.sleep(0)
            with tracer.start_as_current_span("inner"):
                await asyncio.sleep(0)
                Ledger().post("A", "entry")
            order.append("worked")
            assert telemetry.spans("process desk") == []
        await asyncio.sleep(0)

    async def main() -> None:
        with tracer.start_as_current_span("request"):
            await rows(host(), body, "A")
        assert dict(context_api.get_current()) == {}

    asyncio.run(main())
    by_name: dict[str, Any] = {span.name: span for span in telemetry.spans()}
    parents = {name: span.parent and span.parent.span_id for name, span in by_name.items()}
    above = [("process desk", "request"), ("outer", "process desk"), ("inner", "outer"), ("Ledger.post", "inner")]
    for name, parent in above:
        assert parents[name] == by_name[parent].context.span_id, name
    assert by_name["process desk"].end_time >= by_name["outer"].end_time
    assert order == ["worked"]


@HOSTS
def test_the_row_is_current_through_all_awaits(host: Any, instrument: Instrument) -> None:
    """And in between, for others on the same loop, it is not."""
    instrument(boundaries=[declare(host, calls=[])])
    seen: list[Any] = []

    async def body(_ctx: Any) -> list[Any]:
        found = [whose()]
        for _ in range(3):
            await asyncio.sleep(0)
            found.append(whose())
        return found

    async def beside() -> None:
        for _ in range(6):
            seen.append(whose())
            await asyncio.sleep(0)

    async def main() -> list[Any]:
        other = asyncio.create_task(beside())
        made = host()
        contexts = [Desk("A"), Desk("B")]
        handed = [made.submit(ctx, body) for ctx in contexts]
        handed = [await done if asyncio.iscoroutine(done) else done for done in handed]
        found = await asyncio.gather(*handed)
        await other
        return found

    assert asyncio.run(main()) == [["A"] * 4, ["B"] * 4]
    assert set(seen) == {None}


class Awaits(Tasks):
    """Awaits it itself."""

    async def submit(self, ctx: Any, body: Any) -> Any:
        """Submit function."""
        before = whose()
        return before, await self.work(ctx, body), whose()


def test_it_is_awaited_where_it_is_made(instrument: Instrument, telemetry: Telemetry) -> None:
    """In the task of who calls it, which is nobody's before and after."""
    instrument("observe", boundaries=[declare(Awaits)])

    async def main() -> Any:
        result = await Awaits().submit(Desk("A"), filing)
        return result, lingering()

    assert asyncio.run(main()) == ((None, "A", None), NOTHING)
    assert told(telemetry) == []
    assert telemetry.points("handoff.in_flight") == NOTHING_IN_FLIGHT


@pytest.mark.parametrize("begun", [True, False])
@IN_EACH_MODE
def test_a_task_that_is_cancelled(begun: bool, mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Its clean-up is the row's. One that has not begun is told as any row whose work the host threw away."""
    instrument(mode, boundaries=[declare(Tasks, calls=[])])
    log: list[Any] = []

    async def body(_ctx: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            log.append(whose())

    async def main() -> None:
        ctx = Desk("A")
        task = Tasks().submit(ctx, body)
        if begun:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    gc.collect()
    assert log == ["A"] * begun
    assert told(telemetry) == []
    assert telemetry.points("handoff.in_flight") == NOTHING_IN_FLIGHT
    assert [span.status.is_ok for span in telemetry.spans("process desk")] == [True] * begun  # cancelled, not failed
    HandoffInstrumentor().uninstrument()
    assert telemetry.unchecked() == ({} if begun else {"no_worker": 1})


def test_it_raises(instrument: Instrument, telemetry: Telemetry) -> None:
    """Its error is its caller's, and said on its span; the row has ended."""
    instrument(boundaries=[declare(Tasks, calls=[])])
    raised = ValueError("host")

    async def body(_ctx: Any) -> None:
        await asyncio.sleep(0)
        raise raised

    assert asyncio.run(rows(Tasks(), body, "A")) == [raised]
    [span] = telemetry.spans("process desk")
    assert span.events[0].name == "exception"
    assert telemetry.points("handoff.in_flight") == NOTHING_IN_FLIGHT


class Kept(Tasks):
    """Keeps what it is to await."""

    def submit(self, ctx: Any, body: Any) -> Any:
        """Submit function."""
        return self.work(ctx, body)


@pytest.mark.parametrize("how", ["dropped", "closed", "dropped half-way", "closed half-way"])
def test_one_that_is_not_awaited(how: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Dropped before it has begun it says so once, as ever; what it had read by then is told, and nothing is left."""
    instrument("observe", boundaries=[declare(Kept, calls=[])])
    log: list[Any] = []

    async def body(ctx: Any) -> None:
        try:
            log.append(ctx.order_id)
            await asyncio.sleep(0)
        finally:
            log.append(whose())

    ctx = Desk("A")
    made = [Kept().submit(ctx, body)]
    ctx.order_id = "B"
    if "half-way" in how:
        made[0].send(None)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        if "closed" in how:
            made[0].close()
        made.clear()
        gc.collect()
    assert [str(one.message) for one in warned if "never awaited" in str(one.message)] == (
        ["coroutine 'Tasks.work' was never awaited"] if how == "dropped" else []
    )
    half_way = "half-way" in how
    assert log == (["B", "A"] if half_way else [])
    assert telemetry.points("handoff.in_flight") == NOTHING_IN_FLIGHT
    HandoffInstrumentor().uninstrument()
    assert told(telemetry) == ([("A", "read", "used", {"order_id": "B"})] if half_way else [])
    assert len(telemetry.spans("process desk")) == half_way
    assert telemetry.unchecked() == ({} if half_way else {"no_worker": 1})


@pytest.mark.skipif(sys.version_info < (3, 12), reason="tasks are not eager before Python 3.12")
@IN_EACH_MODE
def test_an_eager_task(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """It begins while the row is still being handed over, and goes on later."""
    instrument(mode, boundaries=[declare(Tasks)])

    async def main() -> list[Any]:
        asyncio.get_running_loop().set_task_factory(vars(asyncio)["eager_task_factory"])
        ctx = Desk("A")
        task: Any = Tasks().submit(ctx, filing)
        assert whose() is None
        ctx.order_id = "B"
        return [*await asyncio.gather(task, return_exceptions=True)]  # pyright: ignore[reportUnknownVariableType]

    [result] = asyncio.run(main())
    assert isinstance(result, HandoffMismatchError) if mode == "strict" else result == "A"
    assert len(told(telemetry)) == 1
    assert telemetry.points("handoff.in_flight") == NOTHING_IN_FLIGHT


def test_children_that_outlive_it(instrument: Instrument, telemetry: Telemetry) -> None:
    """Tasks that it creates are the row's until it ends; from then on they are nobody's, and what they read is told."""
    instrument("observe", boundaries=[declare(Tasks, calls=[])])
    seen: list[Any] = []

    async def main() -> None:
        go, late = asyncio.Event(), list[Any]()

        async def child(ctx: Any) -> None:
            seen.append(whose())
            await go.wait()
            seen.append((whose(), ctx.order_id))

        async def body(ctx: Any) -> None:
            late.append(asyncio.create_task(child(ctx)))
            await asyncio.sleep(0)
            await asyncio.sleep(0)

        ctx = Desk("A")
        await Tasks().submit(ctx, body)
        ctx.order_id = "B"
        go.set()
        await late[0]

    asyncio.run(main())
    assert seen == ["A", (None, "B")]
    assert told(telemetry) == []
    HandoffInstrumentor().uninstrument()
    assert telemetry.unchecked() == {"unseen_read": 1}


def test_its_threads_are_the_row_s(instrument: Instrument, telemetry: Telemetry) -> None:
    """`to_thread` and `run_in_executor` from within it."""
    instrument("observe", boundaries=[declare(Tasks, calls=[])])

    async def body(_ctx: Any) -> Any:
        loop = asyncio.get_running_loop()
        return await asyncio.to_thread(whose), await loop.run_in_executor(None, whose), whose()

    assert asyncio.run(rows(Tasks(), body, "A")) == [("A", "A", "A")]
    assert told(telemetry) == []


def test_steps_on_several_threads(instrument: Instrument, telemetry: Telemetry) -> None:
    """Each step may be run by another thread, in another `contextvars.Context`: nothing is reset in the wrong one."""
    instrument(boundaries=[declare(Kept, calls=[])])
    seen: list[Any] = []

    async def body(_ctx: Any) -> None:
        for _ in range(3):
            seen.append((whose(), trace.get_current_span().get_span_context().is_valid))
            await asyncio.sleep(0)

    made = Kept().submit(Desk("A"), body)
    context = contextvars.copy_context()

    def step() -> None:
        try:
            made.send(None)
        except StopIteration:
            seen.append("ended")
        assert lingering() == NOTHING

    for run in (step, lambda: context.run(step), lambda: contextvars.Context().run(step), step):
        thread = threading.Thread(target=run)
        thread.start()
        thread.join(WAIT)
    assert [*map(str, seen)][-1] == "ended"
    assert len(seen) == 4
    assert {one[0] for one in seen[:3]} == {"A"}
    assert telemetry.points("handoff.in_flight") == NOTHING_IN_FLIGHT


def test_a_consumer_that_the_first_row_began(instrument: Instrument, telemetry: Telemetry) -> None:
    """A task that was begun in the work on one row, and works on others: each of these is judged as itself."""
    instrument("pin", boundaries=[declare(Queued)])

    async def main() -> Any:
        host, ctx = Queued(), Desk("A")

        async def starts(ctx: Any) -> Any:
            Ledger().post(ctx.order_id, "entry")
            host.worker = asyncio.create_task(host.loop())
            return whose()

        host.worker = asyncio.create_task(asyncio.sleep(0))
        first = host.submit(ctx, starts)
        row = host.rows.get_nowait()
        first.set_result(await host.work(*row[:2]))
        del row
        return [await first, *await rows(host, filing, "BC", ctx)]

    assert asyncio.run(main()) == ["A", "B", "C"]
    assert told(telemetry) == [("B", "read", "prevented", {"order_id": "C"})]
    assert telemetry.unchecked() == {}


def test_nothing_waits_to_be_recognised(instrument: Instrument) -> None:
    """While a coroutine has yet to run, its row is known: it has it."""
    instrument("observe", boundaries=[declare(Tasks, calls=[])])
    instrumentor: Any = HandoffInstrumentor()

    async def main() -> None:
        ctx, waiting = Desk("A"), [*range(40)]
        for number in waiting:
            task = Tasks().submit(ctx, filing)
            waiting[number] = instrumentor._handoffs[0].claims.waiting()
            await task
        assert set(waiting) == {0}

    asyncio.run(main())


def test_a_plain_function_s_coroutine_that_never_runs(instrument: Instrument, telemetry: Telemetry) -> None:
    """Its call was all the work there was: the context may go on before it is thrown away."""
    instrument("observe", boundaries=[declare(Returns, calls=[])])
    ctx = Desk("A")
    made = Returns().submit(ctx, filing)
    ctx.order_id = "B"
    made.close()
    HandoffInstrumentor().uninstrument()
    assert told(telemetry) == []
    assert telemetry.points("handoff.in_flight") == NOTHING_IN_FLIGHT
    assert len(telemetry.spans("process desk")) == 1


class Returns(Plain):
    """Hands on what it is to await."""

    def submit(self, ctx: Any, body: Any) -> Any:
        """Submit function."""
        return self.work(ctx, body)


def test_an_unknown_worker(instrument: Instrument, telemetry: Telemetry) -> None:
    """The work function called for no row is told as such; what it files in its later steps is not told besides."""
    instrument("observe", boundaries=[declare(Tasks)])

    async def main() -> None:
        await rows(Tasks(), filing, "A")
        await Tasks().work(Desk("X"), filing)

    asyncio.run(main())
    HandoffInstrumentor().uninstrument()
    assert telemetry.unchecked() == {"no_submission": 1}


def test_uninstrumented_half_way(instrument: Instrument, telemetry: Telemetry) -> None:
    """It runs to its end, and is no longer judged."""
    instrument("strict", boundaries=[declare(Tasks)])

    async def main() -> Any:
        ctx = Desk("A")
        task = Tasks().submit(ctx, filing)
        await asyncio.sleep(0)
        HandoffInstrumentor().uninstrument()
        ctx.order_id = "B"
        await task
        return await rows(Tasks(), filing, "A")

    assert asyncio.run(main()) == [None]
    assert told(telemetry) == []


def test_spans_only_on_a_mismatch(instrument: Instrument, telemetry: Telemetry) -> None:
    """The late span of a coroutine has the times that were true, and the call below it."""
    needs_sdk()
    instrument("observe", boundaries=[declare(Tasks)], spans="mismatch")
    asyncio.run(rows(Tasks(), filing, "ABB"))
    row: Any
    call: Any
    [row], [call] = telemetry.spans("process desk"), telemetry.spans("Ledger.post")
    assert call.attributes["handoff.mismatch.found"] is True
    assert call.parent.span_id == row.context.span_id
    assert row.start_time <= call.start_time <= call.end_time <= row.end_time


def test_an_error_of_ours_does_not_reach_it(
    instrument: Instrument, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not as it begins, nor between its steps."""
    from otel_handoff.around.running import Running
    from otel_handoff.host.guard import Tally, guard

    monkeypatch.setattr(guard, "errors", Tally())
    monkeypatch.setattr(guard, "reraise", False)

    def fails(*_: Any) -> Any:
        raise LookupError

    for name in ("begin", "resume", "pause", "end"):
        with monkeypatch.context() as patch:
            patch.setattr(Running, name, fails)
            instrument("observe", boundaries=[declare(Tasks, calls=[])])

            async def body(_ctx: Any) -> Any:
                await asyncio.sleep(0)
                return "done"

            assert asyncio.run(rows(Tasks(), body, "A")) == ["done"], name
            HandoffInstrumentor().uninstrument()
            assert guard.errors.value, name
    assert telemetry.points("handoff.in_flight") == NOTHING_IN_FLIGHT
