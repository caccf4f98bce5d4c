"""A worker calls the work function itself: for its own row, for one around it, or for another, which begins there."""

# ruff: noqa: D102 - each class says what its functions do

from __future__ import annotations

import asyncio
import copy
import queue
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from typing import Any

import pytest

from otel_handoff import Boundary, Call, HandoffMismatchError, current_submission
from tests.hazards.conftest import Instrument
from tests.hazards.one_row import MODES
from tests.hosts import WAIT
from tests.telemetry import Telemetry

IN_EACH_MODE = pytest.mark.parametrize("mode", MODES)
HERE = __name__

TREE = {"a": ["a1", "a2"], "a1": ["a11"], "b": ["b1"]}
filed: list[tuple[str, Any]] = []


def file(node: str, under: Any) -> None:
    """What files something."""
    filed.append((node, under))


@pytest.fixture(autouse=True)
def books() -> None:
    """Each test's own."""
    filed.clear()


class Page:
    """The context of a node."""

    def __init__(self, node: Any, parent: Any = None) -> None:
        self.node = node
        self.parent = parent


def declare(work: str, **options: Any) -> Boundary:
    """Declare a boundary."""
    declared: dict[str, Any] = {
        "name": "pages",
        "context": "page",
        "fields": {"node": "node"},
        "calls": [Call(f"{HERE}:file", {"node": "under"})],
    }
    return Boundary(work=f"{HERE}:{work}", **{**declared, **options})


# -- hosts that are right: each node is worked on with a context of its own, by whoever comes to it


def pooled(work: Callable[..., Any], *more: Any) -> None:
    """Hand over both roots."""
    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(work, node, Page(node), *more) for node in ("a", "b")]:
            future.result(WAIT)


def visit(node: str, page: Page) -> None:
    """Walk a tree, with a context for each node."""
    file(node, page.node)
    for child in TREE.get(node, ()):
        visit(child, Page(child))
    file(node, page.node)


def with_copies(node: str, page: Page) -> None:
    """The same with copies."""
    file(node, page.node)
    for child in TREE.get(node, ()):
        mine = copy.copy(page)
        mine.node = child
        with_copies(child, mine)
    file(node, page.node)


def on_one(node: str, page: Page) -> None:
    """The same with the one context, which is switched over, and back."""
    file(node, page.node)
    for child in TREE.get(node, ()):
        page.node = child
        on_one(child, page)
        page.node = node
    file(node, page.node)


def said(node: str, page: Page) -> None:
    """The same, where the node that is worked on is not in the context, but in an argument."""
    file(node, node)
    for child in TREE.get(node, ()):
        said(child, page)
    file(node, node)


def folder(node: str, page: Page) -> None:
    """One of two that call each other."""
    file(node, page.node)
    for child in TREE.get(node, ()):
        leaf(child, Page(child))
    file(node, page.node)


def leaf(node: str, page: Page) -> None:
    """The other."""
    file(node, page.node)
    for child in TREE.get(node, ()):
        folder(child, Page(child))
    file(node, page.node)


class Site:
    """Hands over by a function of its own."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(2)

    def hand_over(self, node: str, page: Page) -> Any:
        return self.pool.submit(self.work, node, page)

    def work(self, node: str, page: Page) -> None:
        file(node, page.node)
        for child in TREE.get(node, ()):
            self.work(child, Page(child))
        file(node, page.node)

    def run(self) -> None:
        for future in [self.hand_over(node, Page(node)) for node in ("a", "b")]:
            future.result(WAIT)
        self.pool.shutdown()


class Queued(Site):
    """Through a queue, where the next row waits meanwhile; under another name."""

    def __init__(self) -> None:
        self.rows: queue.Queue[Any] = queue.Queue()

    def hand_over(self, node: str, page: Page) -> Any:
        self.rows.put((node, page))

    def work(self, node: str, shared: Page) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        file(node, shared.node)
        for child in TREE.get(node, ()):
            self.work(child, Page(child))
        file(node, shared.node)

    def serve(self) -> None:
        while item := self.rows.get():
            self.work(*item)

    def run(self) -> None:
        for node in ("a", "b"):
            self.hand_over(node, Page(node))
        self.rows.put(None)
        thread = threading.Thread(target=self.serve)
        thread.start()
        thread.join(WAIT)


class Node:
    """A node that works on itself: its context is an attribute."""

    def __init__(self, node: str) -> None:
        self.node = node
        self.page = Page(node)

    def work(self) -> None:
        file(self.node, self.page.node)
        for child in TREE.get(self.node, ()):
            Node(child).work()
        file(self.node, self.page.node)


class Awaited(Node):
    """The same, awaited."""

    async def work(self) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        file(self.node, self.page.node)
        for child in TREE.get(self.node, ()):
            await Awaited(child).work()
        file(self.node, self.page.node)


async def awaited(node: str, page: Page) -> None:
    """A coroutine that awaits itself."""
    file(node, page.node)
    for child in TREE.get(node, ()):
        await awaited(child, Page(child))
    file(node, page.node)


def yielded(node: str, page: Page) -> Iterator[str]:
    """A generator that goes through itself."""
    file(node, page.node)
    for child in TREE.get(node, ()):
        yield from yielded(child, Page(child))
    yield node
    file(node, page.node)


async def streamed(node: str, page: Page) -> AsyncIterator[str]:
    """An async one."""
    file(node, page.node)
    for child in TREE.get(node, ()):
        async for each in streamed(child, Page(child)):
            yield each
    yield node
    file(node, page.node)


current: ContextVar[Page] = ContextVar("current")


def of_a_variable(node: str) -> None:
    """What is shared is in a ContextVar, which is set for each node."""
    file(node, current.get().node)
    for child in TREE.get(node, ()):
        token = current.set(Page(child))
        of_a_variable(child)
        current.reset(token)
    file(node, current.get().node)


def set_and_hand_over() -> None:
    """Hand over both roots, in the ContextVars as they are then."""
    with ThreadPoolExecutor(2) as pool:
        for node in ("a", "b"):
            current.set(Page(node))
            pool.submit(copy_context().run, of_a_variable, node).result(WAIT)


def enclosed() -> None:
    """What is handed over calls it."""

    def root(node: str, page: Page) -> Callable[[], None]:
        return lambda: visit(node, page)

    with ThreadPoolExecutor(2) as pool:
        for node in ("a", "b"):
            pool.submit(root(node, Page(node))).result(WAIT)


def enclosed_node() -> None:
    """The same of a method."""

    def root(node: Node) -> Callable[[], None]:
        return lambda: node.work()

    with ThreadPoolExecutor(2) as pool:
        for node in ("a", "b"):
            pool.submit(root(Node(node))).result(WAIT)


def nodes() -> None:
    """Hand over both roots' own methods."""
    with ThreadPoolExecutor(2) as pool:
        for node in (Node("a"), Node("b")):
            pool.submit(node.work).result(WAIT)


def tasks(*coroutines: Any) -> None:
    """Run coroutines together."""

    async def together() -> None:
        await asyncio.gather(*coroutines)

    asyncio.run(together())


async def drained(rows: AsyncIterator[str]) -> None:
    """Go through an async generator."""
    async for _ in rows:
        pass


IDS = {"ids": {"node": "node"}}
HOSTS: dict[str, tuple[list[Boundary], Callable[[], object]]] = {
    "function": ([declare("visit")], lambda: pooled(visit)),
    "its arguments say which row": ([declare("visit", **IDS)], lambda: pooled(visit)),
    "copies": ([declare("with_copies")], lambda: pooled(with_copies)),
    "one context": ([declare("on_one")], lambda: pooled(on_one)),
    "one context, and its arguments say": ([declare("on_one", **IDS)], lambda: pooled(on_one)),
    "nothing shared": ([declare("said", fields={}, **IDS)], lambda: pooled(said)),
    "two functions": ([declare("folder"), declare("leaf", name="leaves")], lambda: pooled(folder)),
    "method": ([declare("Site.work")], lambda: Site().run()),
    "submit": ([declare("Site.work", submit=f"{HERE}:Site.hand_over")], lambda: Site().run()),
    "queue": ([declare("Queued.work", submit=f"{HERE}:Queued.hand_over")], lambda: Queued().run()),
    "self": ([declare("Node.work", context="self.page")], nodes),
    "self says": ([declare("Node.work", context="self.page", ids={"node": "self.node"})], nodes),
    "variable": ([declare("of_a_variable", context=f"{HERE}:current")], set_and_hand_over),
    "lambda": ([declare("visit")], enclosed),
    "lambda of a method": ([declare("Node.work", context="self.page")], enclosed_node),
    "coroutine": ([declare("awaited")], lambda: tasks(*(awaited(node, Page(node)) for node in "ab"))),
    "coroutine of self": (
        [declare("Awaited.work", context="self.page")],
        lambda: tasks(*(Awaited(node).work() for node in "ab")),
    ),
    "generator": ([declare("yielded")], lambda: [list(yielded(node, Page(node))) for node in "ab"]),
    "async generator": (
        [declare("streamed")],
        lambda: tasks(*(drained(streamed(node, Page(node))) for node in "ab")),
    ),
    "at the read": ([declare("visit", pins="read")], lambda: pooled(visit)),
    "by copies": ([declare("visit", pins="copy")], lambda: pooled(visit)),
    "retried by its id": ([declare("with_copies", row="node")], lambda: pooled(with_copies)),
}


@IN_EACH_MODE
@pytest.mark.parametrize("host", HOSTS)
def test_a_right_host(host: str, mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Whatever a worker calls for another node is that node's: nothing is told, nothing is stopped."""
    boundaries, run = HOSTS[host]
    instrument(mode, boundaries=boundaries)
    run()
    assert sorted(filed) == sorted((node, node) for node in ("a", "a1", "a11", "a2", "b", "b1") * 2)
    assert [str(mismatch) for mismatch in telemetry.mismatches] == []
    assert telemetry.unchecked() == {}
    assert telemetry.counted("handoff.stale_work") == {}
    assert telemetry.counted("handoff.in_flight") == {}


# -- those that are not


class Gate:
    """Holds a worker at one point, while the submitting thread goes on."""

    def __init__(self) -> None:
        self.there, self.go = threading.Event(), threading.Event()

    def hold(self) -> None:
        """Wait there."""
        self.there.set()
        assert self.go.wait(WAIT)

    def run(self, work: Callable[..., Any], page: Page, meanwhile: Callable[[], object]) -> None:
        """Hand over a page, whose worker is held; do something meanwhile."""
        with ThreadPoolExecutor(1) as pool:
            handed = pool.submit(work, page, self)
            assert self.there.wait(WAIT)
            meanwhile()
            self.go.set()
            handed.result(WAIT)


def filing(node: str, page: Page) -> None:
    """File it; or it was refused."""
    try:
        file(node, page.node)
    except HandoffMismatchError:
        filed.append((node, "refused"))


def found(telemetry: Telemetry) -> list[tuple[Any, Any, str]]:
    """Whose rows were told, what was observed, and what came of it."""
    return [(m.submission.ids["node"], m.observed["node"], m.outcome) for m in telemetry.mismatches]


def again(page: Page, gate: Gate, depth: int = 2) -> None:
    """Call itself with the same context, and file there."""
    if depth:
        again(page, gate, depth - 1)
    else:
        gate.hold()
        filing("a", page)


EXPECTED: Any = {"observe": ("b", "used"), "strict": ("refused", "blocked"), "pin": ("a", "prevented")}


@IN_EACH_MODE
def test_its_own_context_moves_on(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """What it calls with its own context is its own row, however deep: a wrong id is found there."""
    instrument(mode, boundaries=[declare("again")])
    page = Page("a")
    Gate().run(again, page, lambda: setattr(page, "node", "b"))
    under, outcome = EXPECTED[mode]
    assert filed == [("a", under)]
    assert found(telemetry) == [("a", "b", outcome)]


INNER = Page("a1")


def with_another(page: Page, gate: Gate) -> None:
    """Call itself with another context, which it holds there."""
    if page is INNER:
        gate.hold()
        filing("a1", page)
        return
    with_another(INNER, gate)
    filing("a", page)


@IN_EACH_MODE
def test_the_other_context_moves_on(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """It is that row's, from the call on."""
    instrument(mode, boundaries=[declare("with_another")])
    INNER.node = "a1"
    Gate().run(with_another, Page("a"), lambda: setattr(INNER, "node", "b"))
    under, outcome = EXPECTED[mode]
    assert filed == [("a1", "a1" if under == "a" else under), ("a", "a")]
    assert found(telemetry) == [("a1", "b", outcome)]


def for_the_parent(page: Page, gate: Gate) -> None:
    """Work function that is called for a page, from within a child of it."""
    if not gate.there.is_set():
        with_its_parent_of(page, gate)
        return
    submission = current_submission()
    assert submission is not None
    filed.append(("whose", submission.ids["node"]))
    filing("a", page)


def with_its_parent_of(page: Page, gate: Gate) -> None:
    """Not declared."""
    child = Page("a1", parent=page)
    of_a_child(child, gate)


def of_a_child(page: Page, gate: Gate) -> None:
    """Another work function."""
    gate.hold()
    filing("a1", page)
    filed.append(("around", page.parent.node))
    for_the_parent(page.parent, gate)


@IN_EACH_MODE
def test_the_context_around_moves_on(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """What a worker reads of the row around it, and what it calls for that, is that row's: told as such, or pinned."""
    instrument(mode, boundaries=[declare("for_the_parent"), declare("of_a_child", name="children")])
    page = Page("a")
    Gate().run(for_the_parent, page, lambda: setattr(page, "node", "b"))
    under, outcome = EXPECTED[mode]
    seen = "a" if mode == "pin" else "b"
    assert filed == [("a1", "a1"), ("around", seen), ("whose", "a"), ("a", under)]
    assert {(whose, observed) for whose, observed, _ in found(telemetry)} == {("a", "b")}
    assert outcome in {outcome for _, _, outcome in found(telemetry)}


@IN_EACH_MODE
def test_the_context_around_is_of_the_same_function(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """The same, where one function does both."""
    instrument(mode, boundaries=[declare("within_itself", pins="read")])
    page = Page("a")
    Gate().run(within_itself, page, lambda: setattr(page, "node", "b"))
    under, outcome = EXPECTED[mode]
    seen = "a" if mode == "pin" else "b"
    assert filed == [("a1", "a1"), ("around", seen), ("whose", "a"), ("a", under)]
    assert {(whose, observed) for whose, observed, _ in found(telemetry)} == {("a", "b")}
    assert outcome in {outcome for _, _, outcome in found(telemetry)}


def within_itself(page: Page, gate: Gate) -> None:
    """Call itself for a child, and there for what is around."""
    if page.parent is not None:
        gate.hold()
        filing("a1", page)
        filed.append(("around", page.parent.node))
        within_itself(page.parent, gate)
    elif not gate.there.is_set():
        within_itself(Page("a1", parent=page), gate)
    else:
        submission = current_submission()
        assert submission is not None
        filed.append(("whose", submission.ids["node"]))
        filing("a", page)


def leaves_something(page: Page) -> None:
    """Leave a result on what it is given, and look for it there."""
    if page.parent is None:
        child = Page("a1", parent=page)
        leaves_something(child)
        filed.append(("a", child.node))
    else:
        page.node = "a1, done"


@IN_EACH_MODE
def test_what_is_left_on_it(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Who calls it goes on with what it gave to it: that is no copy, also of an id."""
    instrument(mode, boundaries=[declare("leaves_something")])
    with ThreadPoolExecutor(1) as pool:
        pool.submit(leaves_something, Page("a")).result(WAIT)
    assert filed == [("a", "a1, done")]
    assert telemetry.mismatches == []
    assert telemetry.unchecked() == {}


@IN_EACH_MODE
def test_spans(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Each such row has its own span, in that of the row around it, and spans of others are of the inner one."""
    pytest.importorskip("opentelemetry.sdk.trace")
    instrument(mode, boundaries=[declare("traced")])
    tracer = telemetry.tracer_provider.get_tracer("test")
    with ThreadPoolExecutor(1) as pool:
        pool.submit(traced, Page("a"), tracer).result(WAIT)
    inner, outer = telemetry.spans("process pages")
    (theirs,) = telemetry.spans("theirs")
    nodes = [(span.attributes or {})["pages.node"] for span in (outer, inner, theirs)]
    assert nodes == ["a", "a1", "a1"]
    assert inner.parent is not None
    assert outer.context is not None
    assert inner.parent.span_id == outer.context.span_id
    assert telemetry.mismatches == []


def traced(page: Page, tracer: Any) -> None:
    """Call itself for another page, with a span there."""
    if page.node == "a":
        traced(Page("a1", parent=page), tracer)
        file("a", page.node)
    else:
        with tracer.start_as_current_span("theirs"):
            file("a1", page.node)
