"""Coming and going: what is wrapped, when, and that everything is as before once it is undone."""

from __future__ import annotations

import concurrent.futures
import contextlib
import copy
import functools
import gc
import importlib
import logging
import sys
import threading
import types
import weakref
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
import wrapt
from opentelemetry.instrumentation.utils import unwrap

from otel_handoff import Boundary, Call, HandoffInstrumentor, current_submission
from otel_handoff.elspeth import ElspethInstrumentor
from otel_handoff.host import wrapping
from otel_handoff.host.plainly import class_of
from otel_handoff.host.wrapping import Patch
from tests import hosts
from tests.given_back import Snapshot, snapshot
from tests.hosts import WAIT, Context, Job, Ledger, Order, Pool, QueuePool, back_to_back, boundary
from tests.telemetry import Telemetry


def assert_restored(before: Snapshot) -> None:
    """Each attribute is the very object it was, no key more or less, in the order they had."""
    for cls, attributes in before.items():
        now = dict(vars(cls))
        assert set(now) == set(attributes), cls
        assert [name for name, value in attributes.items() if now[name] is not value] == [], cls


def race(host: Any = Pool) -> list[tuple[Any, ...]]:
    """A's worker files its entry when B is submitted; a healthy host files it under B."""
    pool, ledger, ctx = host(), Ledger(), Context()
    submitted = threading.Event()

    def job(order: Order, ctx: Context) -> None:
        assert submitted.wait(WAIT)
        ledger.post(ctx.order.id if ctx.order else None, order.id)

    try:
        futures = back_to_back(pool, ctx, job, submitted)
        for future in futures:
            future.result(WAIT)
    finally:
        submitted.set()
        pool.close()
    return ledger.entries


WRONG = [("B", None, "A"), ("B", None, "B")]
RIGHT = [("A", None, "A"), ("B", None, "B")]


def instrument(telemetry: Telemetry, mode: str = "observe", **options: Any) -> HandoffInstrumentor:
    """Instrument the pool."""
    instrumentor = HandoffInstrumentor()
    instrumentor.instrument(mode=mode, **{"boundaries": [boundary()], **telemetry.options, **options})
    return instrumentor


@pytest.mark.parametrize("host", [Pool, QueuePool])
@pytest.mark.parametrize("mode", ["pin", "observe", "strict", "off"])
@pytest.mark.parametrize("watch", [True, False])
def test_uninstrument_restores_by_identity(host: Any, mode: str, watch: bool, telemetry: Telemetry) -> None:
    """After work was done, every class is exactly as before, the context's too."""
    before = snapshot()
    instrumentor = instrument(telemetry, mode, watch=watch, boundaries=[boundary(host)])
    assert (vars(host)["enqueue"] is before[host]["enqueue"]) is (mode == "off")
    if mode != "strict":
        assert race(host) == (RIGHT if mode == "pin" else WRONG)
    instrumentor.uninstrument()
    assert_restored(before)
    assert race(host) == WRONG


def test_while_instrumented_the_context_class_is_watched(telemetry: Telemetry) -> None:
    """The fields' attributes are data descriptors then, so the restoring above restores something."""
    before = dict(vars(Context))
    instrument(telemetry)
    race()
    changed = {name for name, value in vars(Context).items() if before.get(name) is not value}
    assert changed == {"order", "attempt"}


def test_instrument_twice(telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    """The second time only warns; one race is still one mismatch, and one uninstrument undoes it."""
    before = snapshot()
    instrumentor = instrument(telemetry)
    instrument(telemetry)
    assert "already instrumented" in caplog.text
    race()
    assert [m.outcome for m in telemetry.mismatches] == ["used"]
    instrumentor.uninstrument()
    assert_restored(before)
    instrumentor.uninstrument()
    assert "already uninstrumented" in caplog.text


def test_a_failed_instrument_leaves_nothing(telemetry: Telemetry) -> None:
    """An error in the options comes before anything is touched, and it can be tried again."""
    before = snapshot()
    with pytest.raises(ValueError):
        instrument(telemetry, "obsreve")
    assert not HandoffInstrumentor().is_instrumented_by_opentelemetry
    assert_restored(before)
    instrument(telemetry)
    race()
    assert [m.outcome for m in telemetry.mismatches] == ["used"]


@pytest.mark.parametrize("error", [LookupError, KeyboardInterrupt])
@pytest.mark.parametrize("target", ["Pool.enqueue", "Pool._run", "Ledger.post", "Thread.start", "LoggingHandler.emit"])
def test_an_instrument_that_is_interrupted_leaves_nothing(
    target: str, error: type[BaseException], telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However far it came, all is taken off that was put on, and it can be tried again."""
    before = snapshot()
    apply = Patch.apply

    def interrupted(patch: Patch) -> None:
        apply(patch)
        if patch.target.endswith(target):
            raise error

    monkeypatch.setattr(Patch, "apply", interrupted)
    with pytest.raises(error):
        instrument(telemetry)
    monkeypatch.undo()
    assert not HandoffInstrumentor().is_instrumented_by_opentelemetry
    assert_restored(before)
    assert [patch.target for patches in wrapping._applied.values() for patch in patches] == []  # pyright: ignore[reportPrivateUsage]
    instrument(telemetry)
    race()
    assert [m.outcome for m in telemetry.mismatches] == ["used"]


def test_uninstrument_while_rows_are_in_flight(telemetry: Telemetry) -> None:
    """Rows that were submitted before are finished, and judged no more."""
    before = snapshot()
    instrumentor = instrument(telemetry)
    pool, ledger, ctx = Pool(), Ledger(), Context()
    started, undone = threading.Event(), threading.Event()
    seen: list[object] = []

    def job(order: Order, ctx: Context) -> None:
        started.set()
        assert undone.wait(WAIT)
        ledger.post(ctx.order.id if ctx.order else None, order.id)
        seen.append(current_submission())

    futures: list[Any] = []
    for name in "AB":
        ctx.order = Order(name)
        futures.append(pool.enqueue(ctx.order, ctx, job))
    assert started.wait(WAIT)
    instrumentor.uninstrument()
    undone.set()
    for future in futures:
        future.result(WAIT)
    pool.close()
    assert ledger.entries == WRONG
    assert telemetry.mismatches == []
    assert_restored(before)
    assert telemetry.counted("handoff.in_flight") == {}


# -- other people's wrappers


def counting(calls: list[str]) -> Callable[..., Any]:
    """A wrapper function, as any other library has."""

    def wrapper(wrapped: Any, _instance: Any, args: Any, kwargs: Any) -> Any:
        calls.append(wrapped.__name__)
        return wrapped(*args, **kwargs)

    return wrapper


@contextlib.contextmanager
def replaced(name: str, value: Any) -> Generator[None]:
    """Another library has put its own wrapper on the pool."""
    before = vars(Pool)[name]
    setattr(Pool, name, value)
    try:
        yield
    finally:
        setattr(Pool, name, before)


@pytest.mark.parametrize("name", ["enqueue", "_run"])
def test_with_another_wrapper_below(name: str, telemetry: Telemetry) -> None:
    """Theirs was there first: ours goes, theirs stays."""
    calls: list[str] = []
    theirs: Any = wrapt.FunctionWrapper(vars(Pool)[name], counting(calls))
    with replaced(name, theirs):
        instrumentor = instrument(telemetry)
        assert race() == WRONG
        assert [m.outcome for m in telemetry.mismatches] == ["used"]
        instrumentor.uninstrument()
        assert vars(Pool)[name] is theirs
        assert calls == [name] * 2
        assert race() == WRONG


@pytest.mark.parametrize("name", ["enqueue", "_run"])
@pytest.mark.parametrize("kind", ["wrapt", "functools"])
def test_with_another_wrapper_above(
    name: str, kind: str, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    """Theirs stays when ours goes inert beneath it, and the host still works."""
    calls: list[str] = []
    with replaced(name, vars(Pool)[name]):
        instrumentor = instrument(telemetry)
        ours = vars(Pool)[name]

        @functools.wraps(ours)
        def plain(*args: Any, **kwargs: Any) -> Any:
            calls.append(name)
            return ours.__get__(args[0], Pool)(*args[1:], **kwargs)

        theirs: Any = wrapt.FunctionWrapper(ours, counting(calls)) if kind == "wrapt" else plain
        setattr(Pool, name, theirs)
        assert race() == WRONG
        assert [m.outcome for m in telemetry.mismatches] == ["used"]
        instrumentor.uninstrument()
        assert vars(Pool)[name] is theirs
        assert race() == WRONG
        assert len(telemetry.mismatches) == 1
        assert telemetry.counted("handoff.submissions") == {("orders",): 2}
        assert calls == [name] * 4
        # A second coming wraps theirs, and is as effective.
        instrumentor = instrument(telemetry)
        assert race() == WRONG
        assert [m.outcome for m in telemetry.mismatches] == ["used"] * 2
        assert "instrumented already" not in caplog.text
        instrumentor.uninstrument()
        assert vars(Pool)[name] is theirs


def test_somebody_else_strips_our_wrapper(telemetry: Telemetry) -> None:
    """OpenTelemetry's `unwrap` takes off whatever is outermost; ours is then simply gone."""
    before = snapshot()
    instrumentor = instrument(telemetry)
    unwrap(Pool, "enqueue")
    assert vars(Pool)["enqueue"] is before[Pool]["enqueue"]
    assert race() == WRONG
    instrumentor.uninstrument()
    assert_restored(before)


# -- several owners

ORDER = pytest.mark.parametrize("first", [0, 1])


@ORDER
def test_two_instrumentors_on_one_class(first: int, telemetry: Telemetry) -> None:
    """Both have wrapped the thread pool and the threads; removed in either order, nothing of theirs is left."""
    before = snapshot()
    owners = [ElspethInstrumentor(), HandoffInstrumentor()]
    owners[0].instrument(mode="observe", **telemetry.options)
    instrument(telemetry)
    race()
    owners[first].uninstrument()
    if first == 0:  # the other one still works
        race()
        assert [m.outcome for m in telemetry.mismatches] == ["used"] * 2
    owners[1 - first].uninstrument()
    assert_restored(before)
    assert race() == WRONG


DEMO = {
    "name": "demo",
    "submit": "otel_handoff.demo.pipeline.batching:BatchTransformMixin.accept_row",
    "work": "otel_handoff.demo.pipeline.batching:BatchTransformMixin._process_and_complete",
    "fields": {"state_id": "state_id"},
}


@ORDER
def test_two_instrumentors_on_one_boundary(first: int, telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    """The same submit function with two owners: that is warned of, and each is undone by its own, in either order."""
    from otel_handoff.demo.pipeline.batching import BatchTransformMixin
    from otel_handoff.demo.pipeline.context import PluginContext

    before = snapshot(BatchTransformMixin, PluginContext)
    owners = [ElspethInstrumentor(), HandoffInstrumentor()]
    owners[0].instrument(mode="observe", **telemetry.options)
    assert "instrumented already" not in caplog.text
    instrument(telemetry, boundaries=[DEMO])
    assert "is instrumented already, by boundary 'elspeth'" in caplog.text
    assert vars(BatchTransformMixin)["accept_row"] is not before[BatchTransformMixin]["accept_row"]
    owners[first].uninstrument()
    owners[1 - first].uninstrument()
    try:
        assert_restored(before)
    finally:
        for name in ("accept_row", "_process_and_complete"):
            setattr(BatchTransformMixin, name, before[BatchTransformMixin][name])


def test_two_boundaries_that_share_a_call(telemetry: Telemetry) -> None:
    """Two pools that file in one ledger: each finds its own mismatch, and the ledger is restored."""
    before = snapshot()
    instrumentor = instrument(telemetry, boundaries=[boundary(Pool), boundary(QueuePool, name="queue")])
    race(Pool)
    race(QueuePool)
    assert [(m.submission.boundary, m.outcome) for m in telemetry.mismatches] == [("orders", "used"), ("queue", "used")]
    instrumentor.uninstrument()
    assert_restored(before)


def test_a_context_class_that_two_boundaries_watch(telemetry: Telemetry) -> None:
    """One watched field serves both."""
    before = snapshot()
    instrumentor = instrument(
        telemetry,
        boundaries=[
            boundary(Pool, calls=()),
            boundary(QueuePool, name="queue", calls=(), fields={"order": "order.id"}),
        ],
    )
    race(Pool)
    race(QueuePool)
    assert {(m.submission.boundary, m.evidence) for m in telemetry.mismatches} == {
        ("orders", "read"),
        ("queue", "read"),
    }
    instrumentor.uninstrument()
    assert_restored(before)


@pytest.mark.parametrize("shared", [False, True])
def test_in_a_loop_nothing_grows(shared: bool, telemetry: Telemetry) -> None:
    """Many comings and goings leave no hook, no finder, no wrapper, no object of ours behind."""
    other = boundary(QueuePool, name="queue", **({} if shared else {"calls": ()}))

    def once() -> None:
        instrumentor = instrument(telemetry, boundaries=[boundary(), other, ABSENT])
        ctx, pool = Context(order=Order("A")), Pool()
        assert ctx.order is not None
        pool.enqueue(ctx.order, ctx, lambda _order, _ctx: None).result(WAIT)
        pool.close()
        instrumentor.uninstrument()

    def size() -> dict[str, int]:
        gc.collect()
        counts = {"finders": len(sys.meta_path)}
        hooks: dict[str, Any] = vars(importlib.import_module("wrapt.importer")).get("_post_import_hooks", {})
        counts["hooks"] = sum(len(found or ()) for found in hooks.values())
        counts["waiting"] = sum(map(len, wrapping._applied.values()))  # pyright: ignore[reportPrivateUsage]
        for kind in map(class_of, gc.get_objects()):
            if str(kind.__module__).startswith("otel_handoff"):
                counts[kind.__qualname__] = counts.get(kind.__qualname__, 0) + 1
        return counts

    before = snapshot()
    once()
    settled = size()
    for _ in range(30):
        once()
    assert {name: count for name, count in size().items() if count > settled.get(name, 0)} == {}
    assert_restored(before)


ABSENT = Boundary(name="absent", submit="otel_handoff_absent:f", work="otel_handoff_absent:g", fields={"row_id": "id"})


def test_coming_and_going_under_load(telemetry: Telemetry) -> None:
    """Rows that pass while the wrappers come and go are all done, each once."""
    before = snapshot()
    pool, ctx, done, stop = Pool(4), Context(), list[str](), threading.Event()
    names = iter(range(10**9))
    submitted: list[str] = []

    def submit() -> None:
        while not stop.is_set():
            order = Order(str(next(names)))
            ctx.order = order
            submitted.append(order.id)
            pool.enqueue(order, ctx, lambda order, _ctx: done.append(order.id))

    thread = threading.Thread(target=submit)
    thread.start()
    for turn in range(40):
        instrumentor = instrument(telemetry, "pin" if turn % 2 else "observe")
        instrumentor.uninstrument()
    stop.set()
    thread.join()
    pool.close()
    assert sorted(done) == sorted(submitted)
    assert_restored(before)


# -- targets that are not there (yet)

LAZY = """
class Pool:
    def __init__(self, executor):
        self.executor = executor
    def enqueue(self, ctx, job):
        return self.executor.submit(self._run, ctx, job)
    def _run(self, ctx, job):
        return job(ctx)
"""


@pytest.fixture
def lazy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package that is not imported yet."""
    name = f"lazy_{tmp_path.name}"
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("")
    (tmp_path / name / "pool.py").write_text(LAZY)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    yield name
    for module in [module for module in sys.modules if module.startswith(name)]:
        del sys.modules[module]


def declared(package: str, **options: Any) -> Boundary:
    """The boundary of the package."""
    defaults: dict[str, Any] = {
        "name": "lazy",
        "submit": f"{package}.pool:Pool.enqueue",
        "work": f"{package}.pool:Pool._run",
        "fields": {"order_id": "order.id"},
    }
    return Boundary(**{**defaults, **options})


def lazy_race(package: str) -> list[str]:
    """Import the package and race on it."""
    pool_class: Any = importlib.import_module(f"{package}.pool").Pool
    executor, both, ctx = concurrent.futures.ThreadPoolExecutor(1), threading.Event(), types.SimpleNamespace()

    def job(ctx: Any) -> str:
        assert both.wait(WAIT)
        return ctx.order.id

    pool, futures = pool_class(executor), list[Any]()
    for name in "AB":
        ctx.order = Order(name)
        futures.append(pool.enqueue(ctx, job))
    both.set()
    executor.shutdown()
    return [future.result() for future in futures]


def test_a_host_is_wrapped_when_it_is_imported(lazy: str, telemetry: Telemetry) -> None:
    """Instrumenting imports nothing; the import attaches, and the undoing restores."""
    instrumentor = instrument(telemetry, "pin", boundaries=[declared(lazy)])
    assert lazy not in sys.modules
    assert lazy_race(lazy) == ["A", "B"]
    module: Any = sys.modules[f"{lazy}.pool"]
    assert isinstance(vars(module.Pool)["enqueue"], wrapt.FunctionWrapper)
    instrumentor.uninstrument()
    assert class_of(vars(module.Pool)["enqueue"]) is types.FunctionType
    assert lazy_race(lazy) == ["B", "B"]


def test_a_host_that_is_imported_too_late(lazy: str, telemetry: Telemetry) -> None:
    """Uninstrumented before the import, it is never touched; instrumented again, it is."""
    instrument(telemetry, "pin", boundaries=[declared(lazy)]).uninstrument()
    assert lazy_race(lazy) == ["B", "B"]
    module: Any = sys.modules[f"{lazy}.pool"]
    assert class_of(vars(module.Pool)["enqueue"]) is types.FunctionType
    instrument(telemetry, "pin", boundaries=[declared(lazy)])
    assert lazy_race(lazy) == ["A", "B"]


MISSING: dict[str, Callable[[str], dict[str, Any]]] = {
    "Pool.nothing": lambda target: {"calls": [Call(target, {"order_id": "x"})]},
    "Nobody.nothing": lambda target: {"calls": [Call(target, {"order_id": "x"})]},
    "NOTHING": lambda target: {"pools": [target]},
    "Pool.evict": lambda target: {"evict": Call(target, {"order_id": "x"})},
}


@pytest.mark.parametrize("name", MISSING)
def test_a_target_that_is_not_there_warns(
    name: str, lazy: str, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    """Another version of the host may lack one; the rest is attached and the host works."""
    target = f"{lazy}.pool:{name}"
    instrument(telemetry, "pin", boundaries=[declared(lazy, **MISSING[name](target))])
    assert lazy_race(lazy) == ["A", "B"]
    warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING and "is not there" in r.msg]
    assert warnings == [f"{target} is not there: this version of the host is not checked at that place."]


def test_a_boundary_whose_context_is_no_parameter_warns(
    lazy: str, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    """It checks nothing, and the host works as it always did."""
    instrument(telemetry, "pin", boundaries=[declared(lazy, context="context")])
    assert lazy_race(lazy) == ["B", "B"]
    assert "Pool.enqueue has no parameter 'context': boundary" in caplog.text


@pytest.mark.parametrize("part", ["submit", "work"])
def test_without_its_submit_or_work_function_a_boundary_does_nothing(
    part: str, lazy: str, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    """It warns, and the host works as it always did."""
    options = {part: f"{lazy}.pool:Pool.nothing"}
    instrumentor = instrument(telemetry, "observe", boundaries=[declared(lazy, **options)])
    assert lazy_race(lazy) == ["B", "B"]
    assert f"{lazy}.pool:Pool.nothing is not there" in caplog.text
    instrumentor.uninstrument()
    gc.collect()
    assert telemetry.counted("handoff.in_flight") == {}


# -- kinds of functions


class Branch(Pool):
    """Inherits everything."""


class Static:
    """Hands over in functions that take no `self`."""

    executor = concurrent.futures.ThreadPoolExecutor(1)

    @classmethod
    def enqueue(cls, order: Order, ctx: Context, job: Job) -> Any:
        """Submit function."""
        return cls.executor.submit(cls.run, order, ctx, job)

    @staticmethod
    def run(order: Order, ctx: Context, job: Job) -> Any:
        """Work function."""
        return job(order, ctx)

    def close(self) -> None:
        """Wait for the workers."""
        type(self).executor.shutdown()
        type(self).executor = concurrent.futures.ThreadPoolExecutor(1)


def run_order(order: Order, ctx: Context, job: Job) -> Any:
    """Work function of a module."""
    return job(order, ctx)


def enqueue_order(executor: concurrent.futures.Executor, order: Order, ctx: Context, job: Job) -> Any:
    """Submit function of a module."""
    return executor.submit(run_order, order, ctx, job)


class Functions:
    """A host that hands over by functions of this module."""

    def __init__(self) -> None:
        self.executor = concurrent.futures.ThreadPoolExecutor(1)

    def enqueue(self, order: Order, ctx: Context, job: Job) -> Any:
        """Call the function, as the module has it now."""
        return enqueue_order(self.executor, order, ctx=ctx, job=job)

    def close(self) -> None:
        """Wait for the workers."""
        self.executor.shutdown()


@pytest.mark.parametrize(
    ("host", "submit", "work"),
    [
        (Branch, "Branch.enqueue", "Branch._run"),
        (Static, "Static.enqueue", "Static.run"),
        (Functions, "enqueue_order", "run_order"),
    ],
)
@pytest.mark.parametrize("mode", ["pin", "observe"])
def test_every_kind_of_function(host: Any, submit: str, work: str, mode: str, telemetry: Telemetry) -> None:
    """Inherited methods, class and static methods, and functions of a module are boundaries like any other."""
    assert race(host) == WRONG
    owner: Any = sys.modules[__name__] if host is Functions else host
    names = [submit.rpartition(".")[2], work.rpartition(".")[2]]
    before: dict[str, object] = {name: owner.__dict__.get(name) for name in names}
    kinds = boundary(submit=f"{__name__}:{submit}", work=f"{__name__}:{work}")
    instrumentor = instrument(telemetry, mode, boundaries=[kinds])
    assert race(host) == (RIGHT if mode == "pin" else WRONG)
    evidence, outcome = ("read", "prevented") if mode == "pin" else ("call", "used")
    assert [(m.evidence, m.outcome, dict(m.observed)) for m in telemetry.mismatches] == [
        (evidence, outcome, {"order_id": "B"})
    ]
    instrumentor.uninstrument()
    assert {name: owner.__dict__.get(name) for name in names} == before
    assert race(host) == WRONG
    assert len(telemetry.mismatches) == 1


def test_a_submit_function_that_raises(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    """The submitter gets its own error, and nothing of the row stays behind."""
    pool, ctx = Pool(), Context(order=Order("A"))
    pool.close()
    instrument(telemetry, "pin")
    assert ctx.order is not None
    watched = weakref.ref(ctx)
    with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
        pool.enqueue(ctx.order, ctx, lambda _order, _ctx: None)
    assert telemetry.counted("handoff.submissions") == {("orders",): 1}
    assert telemetry.counted("handoff.in_flight") == {}
    assert current_submission() is None
    del ctx
    gc.collect()
    assert watched() is None


def test_pin_shares_the_objects_of_the_context(telemetry: Telemetry) -> None:
    """The worker's copy is shallow: what hangs on the context is the same to everybody."""
    instrument(telemetry, "pin")
    pool, ctx = Pool(), Context(order=Order("A"))
    order = ctx.order
    assert order is not None
    handed = pool.enqueue(order, ctx, lambda _order, ctx: ctx).result(WAIT)
    pool.close()
    assert handed is not ctx
    assert type(handed) is Context
    assert handed == ctx
    assert handed.shared is ctx.shared
    assert handed.order is order
    assert vars(handed).keys() == vars(copy.copy(ctx)).keys()
    handed.shared["checkpoint"] = 1
    assert ctx.shared == {"checkpoint": 1}


def test_observe_hands_over_the_context_itself(telemetry: Telemetry) -> None:
    """Nothing about the host changes."""
    instrument(telemetry, "observe")
    pool, ctx = Pool(), Context(order=Order("A"))
    assert ctx.order is not None
    assert pool.enqueue(ctx.order, ctx, lambda _order, ctx: ctx).result(WAIT) is ctx
    pool.close()


def test_the_modules_of_the_host_are_not_replaced() -> None:
    """The tests above watched the classes that the host really uses."""
    assert hosts.Pool is Pool
