"""The submission follows what a worker starts in turn, and nothing else."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import copy
import functools
import gc
import multiprocessing
import os
import pickle
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import pytest
from opentelemetry import trace

from otel_handoff import HandoffInstrumentor, Submission, current_submission
from otel_handoff.handover.transport import submitting
from tests.hosts import WAIT, Context, Ledger, Order, Pool, QueuePool, boundary
from tests.telemetry import Telemetry, needs_sdk

Instrument = Callable[..., None]


@pytest.fixture
def instrument(telemetry: Telemetry) -> Iterator[Instrument]:
    """Instrument the pool; taken off again at the end."""

    def instrument(mode: str = "observe", **options: Any) -> None:
        HandoffInstrumentor().instrument(mode=mode, **{"boundaries": [boundary()], **telemetry.options, **options})

    yield instrument
    if HandoffInstrumentor().is_instrumented_by_opentelemetry:
        HandoffInstrumentor().uninstrument()


def whose() -> object:
    """The order that the caller works for."""
    submission = current_submission()
    return submission and submission.ids["order_id"]


def look_at(_: object) -> object:
    """As `whose`, with an argument."""
    return whose()


def rows(job: Callable[[Order, Context], Any], *names: str, pool: Pool | QueuePool | None = None) -> list[Any]:
    """Hand over one row per name, each done before the next, and return what its job returned."""
    pool = pool or Pool()
    ctx, results = Context(), list[Any]()
    try:
        for name in names or ("A",):
            ctx.order = Order(name)
            results.append(pool.enqueue(ctx.order, ctx, job).result(WAIT))
    finally:
        pool.close()
    return results


def test_nobody_works_for_anybody_without_instrumentation() -> None:
    """The control of all tests below."""
    assert rows(lambda _order, _ctx: whose()) == [None]


def test_current_submission_is_none_elsewhere(instrument: Instrument) -> None:
    """Before, after, on the submitting thread, and on threads that have nothing to do with the row."""
    instrument()
    seen: list[object] = [whose()]
    pool, ctx = Pool(), Context(order=Order("A"))
    inside, go = threading.Event(), threading.Event()

    def job(_order: Order, _ctx: Context) -> object:
        inside.set()
        assert go.wait(WAIT)
        return current_submission()

    assert ctx.order is not None
    future = pool.enqueue(ctx.order, ctx, job)
    assert inside.wait(WAIT)
    seen.append(whose())
    thread = threading.Thread(target=lambda: seen.append(whose()))
    thread.start()
    thread.join()
    go.set()
    submission = future.result(WAIT)
    seen += [whose(), pool.executor.submit(whose).result(WAIT)]
    pool.close()
    assert isinstance(submission, Submission)
    assert (submission.boundary, dict(submission.ids)) == ("orders", {"order_id": "A", "attempt": None})
    assert submission.location.startswith("handover/test_carry.py:")
    assert seen == [None] * 5


# -- pools and threads


def test_a_nested_pool(instrument: Instrument) -> None:
    """Tasks of a pool that the worker uses belong to the row; the pool's threads to nobody."""
    instrument()
    with ThreadPoolExecutor(2) as nested:

        def job(_order: Order, _ctx: Context) -> list[object]:
            return [nested.submit(whose).result(WAIT), *nested.map(look_at, range(3))]

        assert rows(job, "A", "B") == [["A"] * 4, ["B"] * 4]
        assert [nested.submit(whose).result(WAIT) for _ in range(4)] == [None] * 4


@pytest.fixture(params=["as ever", "inheriting"])
def threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads start with a context of their own, or, as on Python 3.14 without GIL, with a copy of their starter's."""
    start = threading.Thread.start

    def inherit(thread: threading.Thread) -> None:
        context, run = contextvars.copy_context(), thread.run
        thread.__dict__["run"] = lambda: context.run(run)
        start(thread)

    if request.param == "inheriting":
        monkeypatch.setattr(threading.Thread, "start", inherit)


@pytest.mark.usefixtures("threads")
def test_a_pool_thread_that_was_started_inside_a_row_keeps_nothing(instrument: Instrument) -> None:
    """The pool starts its thread for row A's task; the thread's later tasks are their own rows' or nobody's."""
    instrument()
    with ThreadPoolExecutor(1) as nested:
        assert rows(lambda _order, _ctx: nested.submit(whose).result(WAIT), "A") == ["A"]
        assert nested.submit(whose).result(WAIT) is None
        assert rows(lambda _order, _ctx: nested.submit(whose).result(WAIT), "B") == ["B"]
        context = nested.submit(trace.get_current_span).result(WAIT)
        assert not context.get_span_context().is_valid
        assert nested.submit(submitting.get).result(WAIT) is None


@pytest.mark.usefixtures("threads")
def test_a_thread_that_was_started_while_a_row_was_handed_over_keeps_nothing(instrument: Instrument) -> None:
    """The pool's own thread, which is started with its first row."""
    instrument()
    pool = Pool()
    assert pool.enqueue(Order("A"), Context(), lambda _order, _ctx: submitting.get()).result(WAIT) is None
    assert pool.executor.submit(submitting.get).result(WAIT) is None
    pool.close()


def test_a_task_that_runs_after_its_row_ended(instrument: Instrument, telemetry: Telemetry) -> None:
    """A callback that the worker left in a pool is still its row's, and a wrong read in it is told."""
    instrument()
    go = threading.Event()
    with ThreadPoolExecutor(1) as nested:
        later: list[Future[Any]] = []

        def job(_order: Order, ctx: Context) -> None:
            def task() -> tuple[object, object]:
                assert go.wait(WAIT)
                return whose(), ctx.order

            if not later:
                later.append(nested.submit(task))

        rows(job, "A", "B")
        go.set()
        assert later[0].result(WAIT) == ("A", Order("B"))
    assert [(m.submission.ids["order_id"], m.observed["order_id"], m.evidence) for m in telemetry.mismatches] == [
        ("A", "B", "read")
    ]


def test_what_a_nested_pool_raises_and_returns(instrument: Instrument) -> None:
    """Futures, errors and callbacks are as ever."""
    instrument()
    with ThreadPoolExecutor(1) as nested:

        def job(_order: Order, _ctx: Context) -> list[object]:
            called = threading.Event()
            future = nested.submit(divmod, 7, 2)
            future.add_done_callback(lambda _: called.set())
            assert called.wait(WAIT)
            error = nested.submit(int, "x").exception(WAIT)
            return [future.result(WAIT), type(error)]

        assert rows(job) == [[(3, 1), ValueError]]


def test_a_callable_argument_of_a_class_that_is_submitted(instrument: Instrument) -> None:
    """What a task is given stays the very object it was."""
    instrument()
    with ThreadPoolExecutor(1) as nested:

        def job(_order: Order, _ctx: Context) -> bool:
            return nested.submit(Holder, whose).result(WAIT).held is whose

        assert rows(job) == [True]


class Holder:
    """Keeps what it is given."""

    def __init__(self, held: object) -> None:
        self.held = held


class Relay(ThreadPoolExecutor):
    """A pool that looks at what it is given."""

    def relay(self, task: Callable[[], Any]) -> tuple[str, Future[Any]]:
        """Submit function of another kind: it tells the task's name."""
        return task.__name__, self.schedule(task)

    def schedule(self, task: Callable[[], Any]) -> Future[Any]:
        """Run the task in an empty context, as some pools do."""
        return super().submit(contextvars.Context().run, task)


def test_a_declared_pool(instrument: Instrument) -> None:
    """A submit function that is named in `pools` carries the submission; without it, an empty context loses it."""
    declared = [boundary(pools=[f"{__name__}:Relay.relay"])]
    with Relay(1) as nested:

        def job(_order: Order, _ctx: Context) -> tuple[str, object]:
            name, future = nested.relay(whose)
            return name, future.result(WAIT)

        instrument()
        assert rows(job) == [("whose", None)]
        HandoffInstrumentor().uninstrument()
        instrument(boundaries=declared)
        assert rows(job) == [("whose", "A")]


def test_a_thread_that_the_worker_starts(instrument: Instrument) -> None:
    """A thread, a subclass of it with its own `run`, and a timer are the row's."""
    instrument()

    def job(_order: Order, _ctx: Context) -> list[object]:
        seen: list[object] = []

        class Own(threading.Thread):
            def run(self) -> None:
                seen.append(whose())

        threads = [
            threading.Thread(target=lambda: seen.append(whose())),
            Own(),
            threading.Timer(0, lambda: seen.append(whose())),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT)
        assert all("run" not in vars(thread) for thread in threads)
        return seen

    assert rows(job, "A", "B") == [["A"] * 3, ["B"] * 3]


def test_a_long_lived_thread_is_nobody_s_after_its_row(instrument: Instrument, telemetry: Telemetry) -> None:
    """A thread that outlives the row that started it serves others: no ids, no tags, no mismatch from it."""
    instrument()
    asked, answered = threading.Event(), threading.Event()
    tracer = telemetry.tracer_provider.get_tracer("host")
    seen: list[object] = []
    started: list[threading.Thread] = []

    def job(_order: Order, ctx: Context) -> None:
        if started:
            return
        ready = threading.Event()

        def serve() -> None:
            seen.append(whose())
            ready.set()
            assert asked.wait(WAIT)
            seen.extend((whose(), ctx.order))
            with tracer.start_as_current_span("served"):
                answered.set()

        started.append(threading.Thread(target=serve))
        started[0].start()
        assert ready.wait(WAIT)

    rows(job, "A", "B")
    asked.set()
    assert answered.wait(WAIT)
    started[0].join(WAIT)
    assert seen == ["A", None, Order("B")]
    [served] = telemetry.spans("served")
    assert "orders.order_id" not in (served.attributes or {})
    assert telemetry.mismatches == []


def test_a_thread_whose_run_somebody_calls_in_a_way_of_theirs(
    instrument: Instrument, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `start` finds as the thread's `run` is its own method, of which others make what they like."""
    start = threading.Thread.start

    def rebinding(thread: threading.Thread) -> None:
        run: Any = thread.run.__func__  # type: ignore[attr-defined]
        vars(thread)["run"] = lambda: run(threading.current_thread())
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", rebinding)
    instrument()

    def job(_order: Order, _ctx: Context) -> list[object]:
        seen: list[object] = []
        thread = threading.Thread(target=lambda: seen.append(whose()))
        thread.start()
        thread.join(WAIT)
        return seen

    assert rows(job) == [["A"]]


def test_a_thread_whose_start_is_somebody_else_s(instrument: Instrument) -> None:
    """A class that has kept `Thread.start` as it was before us starts threads of the row as well."""
    start = threading.Thread.start

    class Early(threading.Thread):
        def start(self) -> None:
            start(self)

    instrument()

    def job(_order: Order, _ctx: Context) -> list[object]:
        seen: list[object] = []
        thread = Early(target=lambda: seen.append(whose()))
        thread.start()
        thread.join(WAIT)
        return seen

    assert rows(job) == [["A"]]


def test_a_thread_that_keeps_a_context_for_its_run(instrument: Instrument) -> None:
    """As on Python 3.14: `run` is called in a context of the thread's own, which is given back as it was."""
    instrument()
    own = contextvars.Context()

    class Keeping(threading.Thread):
        def run(self) -> None:
            if sys.version_info >= (3, 14):
                super().run()
            else:
                own.run(super().run)

    def job(_order: Order, _ctx: Context) -> list[object]:
        seen: list[object] = []
        thread = Keeping(target=lambda: seen.append(whose()))
        vars(thread)["_context"] = own
        thread.start()
        thread.join(WAIT)
        return seen

    assert rows(job) == [["A"]]
    assert own.run(whose) is None


def test_a_thread_of_a_thread(instrument: Instrument) -> None:
    """Each is the row's while the row is worked on, and so is a pool task of theirs; then they are nobody's."""
    instrument()
    over, looked = threading.Event(), threading.Event()
    seen: list[object] = []

    def job(_order: Order, _ctx: Context) -> None:
        began = threading.Event()

        def inner() -> None:
            seen.append(whose())
            began.set()
            assert over.wait(WAIT)
            seen.append(whose())

        def task() -> None:
            inner()
            looked.set()

        def outer() -> None:
            with ThreadPoolExecutor(1) as pool:
                thread = threading.Thread(target=pool.submit, args=(task,))
                thread.start()
                thread.join(WAIT)

        threading.Thread(target=outer).start()
        assert began.wait(WAIT)

    rows(job)
    over.set()
    assert looked.wait(WAIT)
    assert seen == ["A", None]


# -- callbacks of futures


@pytest.mark.parametrize("done", [False, True])
def test_a_callback_of_a_nested_future(done: bool, instrument: Instrument, telemetry: Telemetry) -> None:
    """It is the row's that added it, on the pool's thread or at once, and a wrong read in it is told."""
    instrument()
    go = threading.Event()
    if done:
        go.set()
    with ThreadPoolExecutor(1) as nested:

        def job(_order: Order, ctx: Context) -> list[object]:
            seen: list[object] = []
            called = threading.Event()
            future = nested.submit(go.wait, WAIT)
            if done:
                future.result(WAIT)
            submitter.set()
            assert overtaken.wait(WAIT)
            future.add_done_callback(lambda future: (seen.extend((whose(), ctx.order, future.result())), called.set()))
            go.set()
            assert called.wait(WAIT)
            return seen

        submitter, overtaken = threading.Event(), threading.Event()
        pool, ctx = Pool(), Context(order=Order("A"))
        assert ctx.order is not None
        row = pool.enqueue(ctx.order, ctx, job)
        assert submitter.wait(WAIT)
        ctx.order = Order("B")
        overtaken.set()
        assert row.result(WAIT) == ["A", Order("B"), True]
        assert nested.submit(whose).result(WAIT) is None
        pool.close()
    assert [(m.observed["order_id"], m.evidence, m.outcome) for m in telemetry.mismatches] == [("B", "read", "used")]


def test_a_callback_that_raises(instrument: Instrument, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged by the future as without us, the others are called, and nothing lingers on the thread."""
    instrument()
    with ThreadPoolExecutor(1) as nested:

        def broken(_future: object) -> None:
            raise ArithmeticError("mine")

        def job(_order: Order, _ctx: Context) -> object:
            called = threading.Event()
            go = threading.Event()
            seen: list[object] = []
            future = nested.submit(go.wait, WAIT)
            future.add_done_callback(broken)
            future.add_done_callback(lambda _: (seen.append(whose()), called.set()))
            go.set()
            assert called.wait(WAIT)
            return seen

        assert rows(job) == [["A"]]
        assert nested.submit(whose).result(WAIT) is None
    [record] = [record for record in caplog.records if record.name == "concurrent.futures"]
    assert record.exc_info
    assert str(record.exc_info[1]) == "mine"


def test_a_future_that_is_kept_does_not_keep_its_row(instrument: Instrument) -> None:
    """A future keeps its callbacks for as long as it lives: when they have been called, they have the row no more."""
    instrument()
    kept: list[Future[Any]] = []
    contexts: list[weakref.ref[Any]] = []
    with ThreadPoolExecutor(1) as nested:

        def job(_order: Order, ctx: Context) -> None:
            go, called = threading.Event(), threading.Event()
            contexts.append(weakref.ref(ctx))
            kept.append(nested.submit(go.wait, WAIT))
            kept[0].add_done_callback(lambda _: called.set())
            go.set()
            assert called.wait(WAIT)

        rows(job)
        nested.submit(int).result(WAIT)  # the callback has returned
    gc.collect()
    assert contexts[0]() is None


def test_what_a_worker_does_not_add(instrument: Instrument) -> None:
    """A callback that the submitter adds to the row's own future is nobody's, on whatever thread it is called."""
    instrument()
    pool, ctx, seen, called = Pool(), Context(order=Order("A")), list[object](), threading.Event()
    assert ctx.order is not None
    future = pool.enqueue(ctx.order, ctx, lambda _order, _ctx: None)
    future.add_done_callback(lambda _: (seen.append(whose()), called.set()))
    assert called.wait(WAIT)
    pool.close()
    assert seen == [None]


def test_a_pool_that_copies_its_tasks(instrument: Instrument) -> None:
    """A task that was copied, deep-copied or pickled on its way is what it was; the copies are still the row's."""
    instrument(boundaries=[boundary(pools=[f"{__name__}:Copying.hand_over"])])

    def job(_order: Order, _ctx: Context) -> list[object]:
        with Copying(1) as nested:
            return [nested.hand_over(whose, how).result(WAIT) for how in (copy.copy, copy.deepcopy, pickled)]

    assert rows(job) == [["A", "A", None]]


class Copying(ThreadPoolExecutor):
    """A pool that hands its threads a copy of what it is given, in an empty context."""

    def hand_over(self, task: Callable[[], Any], how: Callable[[Any], Any]) -> Future[Any]:
        """Submit function of another kind."""
        return super().submit(contextvars.Context().run, how(task))


def pickled(task: Any) -> Any:
    """As it comes out in another process."""
    return pickle.loads(pickle.dumps(task))


def test_starting_a_thread_twice_is_the_same_error(instrument: Instrument) -> None:
    """The host's own mistakes stay its own."""
    instrument()

    def job(_order: Order, _ctx: Context) -> str:
        thread = threading.Thread(target=int)
        thread.start()
        thread.join(WAIT)
        with pytest.raises(RuntimeError, match="threads can only be started once") as raised:
            thread.start()
        return str(raised.value)

    assert rows(job) == ["threads can only be started once"]


def test_an_unrelated_task_on_the_same_threads(instrument: Instrument, telemetry: Telemetry) -> None:
    """A read by a task that is no row's, on threads that just worked on rows, is nobody's mismatch."""
    instrument()
    pool, ctx = Pool(), Context()
    for name in "AB":
        ctx.order = Order(name)
        pool.enqueue(ctx.order, ctx, lambda _order, _ctx: None).result(WAIT)
    ctx.order = Order("C")
    assert pool.executor.submit(lambda: (ctx.order, whose())).result(WAIT) == (Order("C"), None)
    pool.close()
    assert telemetry.mismatches == []


# -- asyncio


def test_an_event_loop_in_a_worker(instrument: Instrument) -> None:
    """Coroutines, tasks, `to_thread` and `run_in_executor` belong to the row that runs the loop."""
    instrument()

    async def main() -> list[object]:
        async def task() -> object:
            await asyncio.sleep(0)
            return whose()

        loop = asyncio.get_running_loop()
        return [
            whose(),
            *await asyncio.gather(*(asyncio.create_task(task()) for _ in range(3))),
            await asyncio.to_thread(whose),
            await loop.run_in_executor(None, whose),
        ]

    assert rows(lambda _order, _ctx: asyncio.run(main()), "A", "B") == [["A"] * 6, ["B"] * 6]


def test_a_coroutine_handed_to_another_thread_s_loop(instrument: Instrument) -> None:
    """It is the row's while it runs there, and the loop's other tasks are nobody's."""
    instrument()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def look() -> object:
        return whose()

    def job(_order: Order, _ctx: Context) -> object:
        return asyncio.run_coroutine_threadsafe(look(), loop).result(WAIT)

    try:
        assert rows(job, "A", "B") == ["A", "B"]
        assert asyncio.run_coroutine_threadsafe(look(), loop).result(WAIT) is None
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(WAIT)
        loop.close()


def test_a_copied_context(instrument: Instrument) -> None:
    """A hand-written hand-over that copies the context carries the row by itself, once."""
    instrument()

    def job(_order: Order, _ctx: Context) -> object:
        copied = contextvars.copy_context()
        with ThreadPoolExecutor(1) as nested:
            return nested.submit(copied.run, whose).result(WAIT)

    assert rows(job, "A", "B") == ["A", "B"]


def test_a_generator_does_not_leak_its_row_to_its_consumer(instrument: Instrument) -> None:
    """What a worker returns as a generator is consumed elsewhere, by nobody's thread: the row is in its steps alone."""
    instrument()

    def job(_order: Order, _ctx: Context) -> Any:
        yield whose()
        yield whose()

    [generator] = rows(job)
    assert [(one, whose()) for one in generator] == [("A", None), ("A", None)]


# -- processes


class Processes:
    """Hands orders to a `ProcessPoolExecutor`: the work function, bound, is pickled."""

    def __init__(self, kind: str) -> None:
        self.start = kind

    def enqueue(self, order: Order, ctx: Context, executor: ProcessPoolExecutor) -> Future[Any]:
        """Submit function."""
        return executor.submit(self.work, order, ctx)

    def work(self, order: Order, ctx: Context) -> tuple[int, str, str | None]:
        """Work function."""
        return os.getpid(), order.id, ctx.order.id if ctx.order else None


@pytest.mark.parametrize("mode", ["pin", "observe"])
def test_a_process_pool(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """The bound work function is pickled as what it stands for, and no row stays in flight here."""
    processes = boundary(submit=f"{__name__}:Processes.enqueue", work=f"{__name__}:Processes.work")
    instrument(mode, boundaries=[processes])
    host, ctx = Processes("spawn"), Context(order=Order("A"))
    assert ctx.order is not None
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as executor:
        pid, order_id, seen = host.enqueue(ctx.order, ctx, executor).result(WAIT)
    assert pid != os.getpid()
    assert (order_id, seen) == ("A", "A")
    assert telemetry.counted("handoff.submissions") == {("orders",): 1}
    del executor
    assert telemetry.counted("handoff.in_flight") == {}


def test_bound_methods_are_pickled_as_before(instrument: Instrument) -> None:
    """Bytes that were made while instrumented load where it is not, and the other way round."""
    host = Processes("fork")
    before = pickle.dumps(host.work)
    instrument(boundaries=[boundary(submit=f"{__name__}:Processes.enqueue", work=f"{__name__}:Processes.work")])
    assert pickle.dumps(host.work) == before
    while_instrumented = pickle.dumps(host.work)
    assert pickle.loads(before)(Order("A"), Context())[1] == "A"
    HandoffInstrumentor().uninstrument()
    assert pickle.loads(while_instrumented)(Order("A"), Context())[1] == "A"


# -- traces


def test_spans_of_nested_work_belong_to_the_row(instrument: Instrument, telemetry: Telemetry) -> None:
    """A span that a nested task starts is the row span's child, though the submitter's span has ended."""
    instrument()
    tracer = telemetry.tracer_provider.get_tracer("host")

    def task() -> None:
        with tracer.start_as_current_span("nested"):
            pass

    def job(_order: Order, _ctx: Context) -> None:
        with ThreadPoolExecutor(1) as nested:
            nested.submit(task).result(WAIT)
        thread = threading.Thread(target=task)
        thread.start()
        thread.join(WAIT)
        asyncio.run(asyncio.to_thread(task))

    with tracer.start_as_current_span("submit") as submit:
        rows(job)
    [row] = telemetry.spans("process orders")
    nested = telemetry.spans("nested")
    assert row.parent is not None
    assert row.parent.span_id == submit.get_span_context().span_id
    assert [span.parent and span.parent.span_id for span in nested] == [row.context.span_id] * 3  # pyright: ignore[reportOptionalMemberAccess]
    assert [(span.attributes or {})["orders.order_id"] for span in nested] == ["A"] * 3


@pytest.mark.parametrize("parent", [True, False])
@pytest.mark.parametrize("mode", ["pin", "observe"])
def test_link_mode(parent: bool, mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """With `trace="link"` each row is a trace of its own, with one link to the span that submitted it, if any."""
    instrument(mode, trace="link")
    tracer = telemetry.tracer_provider.get_tracer("host")

    def job(_order: Order, _ctx: Context) -> None:
        Ledger().post("A", "text")

    if parent:
        with tracer.start_as_current_span("submit") as submit:
            rows(job, "A", "A")
    else:
        rows(job, "A", "A")
        submit = trace.INVALID_SPAN
    found, calls = telemetry.spans("process orders"), telemetry.spans("Ledger.post")
    assert [row.parent for row in found] == [None, None]
    traces = [row.context.trace_id for row in found if row.context]
    assert len({*traces, submit.get_span_context().trace_id}) == 3
    assert [call.context.trace_id for call in calls if call.context] == traces
    expected = [submit.get_span_context().span_id] if parent else []
    assert [[link.context.span_id for link in row.links] for row in found] == [expected] * 2


def test_nothing_of_the_trace_lingers(instrument: Instrument) -> None:
    """After a row, its thread has no current span."""
    needs_sdk()
    instrument()
    pool = Pool()
    ctx = Context(order=Order("A"))
    assert ctx.order is not None
    inside = pool.enqueue(ctx.order, ctx, lambda _order, _ctx: trace.get_current_span()).result(WAIT)
    after = pool.executor.submit(trace.get_current_span).result(WAIT)
    pool.close()
    assert inside.get_span_context().is_valid
    assert not after.get_span_context().is_valid


def test_a_worker_that_submits_in_turn(instrument: Instrument, telemetry: Telemetry) -> None:
    """A row handed over by a worker is a submission of its own, and a child of the row that made it."""
    instrument()
    inner_pool = Pool()

    def inner(_order: Order, _ctx: Context) -> object:
        return whose()

    def job(_order: Order, _ctx: Context) -> tuple[object, object, object]:
        ctx = Context(order=Order("inner"))
        assert ctx.order is not None
        return whose(), inner_pool.enqueue(ctx.order, ctx, inner).result(WAIT), whose()

    assert rows(job) == [("A", "inner", "A")]
    inner_pool.close()
    inner_row, outer_row = telemetry.spans("process orders")
    assert inner_row.parent is not None
    assert inner_row.parent == outer_row.context
    assert telemetry.mismatches == []


def test_partials_and_callable_objects(instrument: Instrument) -> None:
    """Whatever can be called can be carried."""
    instrument()

    class Task:
        def __call__(self, value: int) -> tuple[object, int]:
            return whose(), value

    with concurrent.futures.ThreadPoolExecutor(1) as nested:

        def job(_order: Order, _ctx: Context) -> list[object]:
            tasks: list[Any] = [
                functools.partial(Task(), 1),
                functools.partial(nested.submit, Task(), 2),
                Task().__call__,
            ]
            futures = [nested.submit(tasks[0]), tasks[1](), nested.submit(tasks[2], 3)]
            return [future.result(WAIT) for future in futures]

        assert rows(job) == [[("A", 1), ("A", 2), ("A", 3)]]
